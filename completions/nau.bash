# bash completion for nau. Made by man/generate from the table of commands.

# $1: what to offer. Names come from nau itself, with the state directory and namespace that the line asks for.
_nau_values() {
    local word=$2 IFS=$'\n'
    case $1 in
        file) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;
        directory) mapfile -t COMPREPLY < <(compgen -d -- "$word"); compopt -o filenames 2>/dev/null ;;
        container) mapfile -t COMPREPLY < <(compgen -W "$(nau "${globals[@]}" ps -a --format '{{.Names}}' 2>/dev/null)" -- "$word") ;;
        running_container) mapfile -t COMPREPLY < <(compgen -W "$(nau "${globals[@]}" ps --format '{{.Names}}' 2>/dev/null)" -- "$word") ;;
        image)
            mapfile -t COMPREPLY < <(compgen -W "$(nau "${globals[@]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$word")
            declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$word" ;;
    esac
}

_nau() {
    local word=${COMP_WORDS[COMP_CWORD]} globals=() path= positional=0 wants= kind=nothing stops=0 flags= valued= values= i w
    local commands='attach bundle commit container content cp create diff events exec export fsck gc healthcheck history image images import info init inspect kill lease load login logout logs manifest metrics mount namespace network pause port ps pull push rename restart rm rmi run runtime save search secret snapshot start stats stop system tag top unit unmount unpause untag update version volume wait why' groups='container healthcheck image manifest network volume secret runtime unit system content snapshot bundle namespace lease' global_flags='-v --version --storage-driver --storage-opt --root --runroot --namespace --log-level --help' global_valued='--storage-driver --storage-opt --root --runroot --namespace --log-level'
    # A word with ':' is several to bash; only the last piece is replaced.
    declare -F _get_comp_words_by_ref >/dev/null && {
        local cur words cword
        _get_comp_words_by_ref -n : cur words cword
        word=$cur
    }
    for ((i = 1; i < COMP_CWORD; i++)); do
        w=${COMP_WORDS[i]}
        if [[ -n $wants ]]; then
            [[ " $global_valued " == *" $wants "* ]] && globals+=("$wants" "$w")
            wants=
            continue
        fi
        if [[ $w == -* && $w != - && $positional -eq 0 || $w == -* && $stops -eq 0 ]]; then
            [[ $w == *=* ]] || { [[ " $global_valued $valued " == *" $w "* ]] && wants=$w; }
            [[ $w == --*=* && " $global_valued " == *" ${w%%=*} "* ]] && globals+=("$w")
            continue
        fi
        if [[ -z $path ]] || [[ " $groups " == *" $path "* ]]; then
            path=${path:+$path }$w
            _nau_command "$path"
        else
            ((positional++))
        fi
    done
    COMPREPLY=()
    if [[ -n $wants ]]; then
        _nau_flag "$path" "$wants"
        [[ -n $values ]] && { mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word"); return; }
        _nau_values "$kind_of_flag" "$word"
        return
    fi
    if [[ $positional -gt 0 && $stops -eq 1 ]]; then
        _nau_values file "$word"
    elif [[ -z $path ]]; then
        [[ $word == -* ]] && commands=$global_flags
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
    elif [[ " $groups " == *" $path "* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
    else
        _nau_values "$kind" "$word"
    fi
}

# Sets flags, valued (those that take a value), kind (of the arguments) and stops.
_nau_command() {
    case $1 in
        'container') flags='attach cp commit create diff exec exists export init inspect kill logs ls mount pause port prune rename restart rm run start stats stop top unmount unpause update wait why' ;;
        'healthcheck') flags='run' ;;
        'image') flags='diff exists history import inspect load ls mount prune pull push rm save search tag tree unmount untag' ;;
        'manifest') flags='create add annotate inspect push remove rm exists' ;;
        'network') flags='check connect create disconnect exists inspect ls prune reload rm' ;;
        'volume') flags='create exists export import inspect ls prune rm' ;;
        'secret') flags='create exists inspect ls rm' ;;
        'runtime') flags='create start run state kill delete exec ps list pause resume update events spec features' ;;
        'unit') flags='print install generate' ;;
        'system') flags='check df gc events boot info metrics prune' ;;
        'content') flags='ls get fetch rm' ;;
        'snapshot') flags='ls tree mounts usage rm' ;;
        'bundle') flags='create' ;;
        'namespace') flags='ls create rm' ;;
        'lease') flags='ls rm' ;;
        'pull') flags='-a --all-tags --platform --arch --os --variant --policy -q --quiet --max-concurrent-downloads --tls-verify --creds --authfile --cert-dir --retry --retry-delay --help' valued='--platform --arch --os --variant --policy --max-concurrent-downloads --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=0 ;;
        'push') flags='-a --all-tags --all-platforms --platform --arch --os --variant --compression-format --compression-level --force-compression -f --format --digestfile -q --quiet --max-concurrent-uploads --tls-verify --creds --authfile --cert-dir --retry --retry-delay --help' valued='--platform --arch --os --variant --compression-format --compression-level -f --format --digestfile --max-concurrent-uploads --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=0 ;;
        'login') flags='--authfile --compat-auth-file --cert-dir --get-login -p --password --password-stdin --tls-verify -u --username -v --verbose --help' valued='--authfile --compat-auth-file --cert-dir -p --password -u --username' kind=nothing stops=0 ;;
        'logout') flags='-a --all --authfile --compat-auth-file --help' valued='--authfile --compat-auth-file' kind=nothing stops=0 ;;
        'search') flags='-f --filter --format --limit --list-tags --no-trunc --compatible --tls-verify --creds --authfile --cert-dir --help' valued='-f --filter --format --limit --creds --authfile --cert-dir' kind=nothing stops=0 ;;
        'run') flags='-d --detach --name --replace --rm --rmi --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -a --attach --detach-keys --sig-proxy --preserve-fds --preserve-fd -i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init --init-path --systemd --shm-size-systemd --unsetenv --unsetenv-all --http-proxy --tz --personality --chrootdirs --env-host --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --oom-kill-disable --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --read-only --read-only-tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --rootfs --network --ip --ip6 --mac-address --network-alias --link -p --publish -P --publish-all --expose -h --hostname --domainname --add-host --no-hostname --no-hosts --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --privileged --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --no-healthcheck --log-driver --log-opt --pull --platform --arch --os --variant --tls-verify --creds --authfile --cert-dir --retry --retry-delay --disable-content-trust -q --quiet --result --help' valued='--name --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -a --attach --detach-keys --preserve-fds --preserve-fd -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init-path --systemd --shm-size-systemd --unsetenv --tz --personality --chrootdirs --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --network --ip --ip6 --mac-address --network-alias --link -p --publish --expose -h --hostname --domainname --add-host --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --log-driver --log-opt --pull --platform --arch --os --variant --creds --authfile --cert-dir --retry --retry-delay --result' kind=image stops=1 ;;
        'create') flags='--name --replace --rm --rmi --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init --init-path --systemd --shm-size-systemd --unsetenv --unsetenv-all --http-proxy --tz --personality --chrootdirs --env-host --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --oom-kill-disable --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --read-only --read-only-tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --rootfs --network --ip --ip6 --mac-address --network-alias --link -p --publish -P --publish-all --expose -h --hostname --domainname --add-host --no-hostname --no-hosts --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --privileged --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --no-healthcheck --log-driver --log-opt --pull --platform --arch --os --variant --tls-verify --creds --authfile --cert-dir --retry --retry-delay --disable-content-trust -q --quiet --help' valued='--name --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init-path --systemd --shm-size-systemd --unsetenv --tz --personality --chrootdirs --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --network --ip --ip6 --mac-address --network-alias --link -p --publish --expose -h --hostname --domainname --add-host --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --log-driver --log-opt --pull --platform --arch --os --variant --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=1 ;;
        'start') flags='-a --attach -i --interactive --sdnotify --detach-keys --sig-proxy --all -f --filter -l --latest --help' valued='--sdnotify --detach-keys -f --filter' kind=container stops=0 ;;
        'stop') flags='-a --all -i --ignore -t --time -s --signal --cidfile -f --filter -l --latest --help' valued='-t --time -s --signal --cidfile -f --filter' kind=running_container stops=0 ;;
        'restart') flags='-a --all --running -t --time --cidfile -f --filter -l --latest --help' valued='-t --time --cidfile -f --filter' kind=container stops=0 ;;
        'kill') flags='-a --all -s --signal --cidfile -f --filter -l --latest --help' valued='-s --signal --cidfile -f --filter' kind=running_container stops=0 ;;
        'pause') flags='-a --all --cidfile -f --filter -l --latest --help' valued='--cidfile -f --filter' kind=running_container stops=0 ;;
        'unpause') flags='-a --all --cidfile -f --filter -l --latest --help' valued='--cidfile -f --filter' kind=running_container stops=0 ;;
        'rename') flags='--help' valued='' kind=container stops=0 ;;
        'update') flags='-l --latest --restart -e --env --unsetenv -m --memory --memory-swap --memory-reservation --memory-swappiness --oom-kill-disable --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --help' valued='--restart -e --env --unsetenv -m --memory --memory-swap --memory-reservation --memory-swappiness --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops' kind=container stops=0 ;;
        'rm') flags='-a --all -f --force -i --ignore -t --time -v --volumes --depend --cidfile --filter -l --latest --help' valued='-t --time --cidfile --filter' kind=container stops=0 ;;
        'ps') flags='-a --all -f --filter --format -n --last -l --latest --no-trunc --noheading -q --quiet -s --size --ns --at -w --watch --sort --help' valued='-f --filter --format -n --last --at -w --watch --sort' kind=nothing stops=0 ;;
        'port') flags='-a --all -l --latest --help' valued='' kind=container stops=0 ;;
        'exec') flags='-d --detach --detach-keys --privileged -l --latest --cidfile --preserve-fds --preserve-fd -i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --help' valued='--detach-keys --cidfile --preserve-fds --preserve-fd -e --env --env-file --env-merge -u --user -w --workdir' kind=running_container stops=1 ;;
        'cp') flags='-a --archive -L --follow-link --overwrite -q --quiet --help' valued='' kind=file stops=0 ;;
        'attach') flags='--detach-keys --no-stdin --sig-proxy -l --latest --help' valued='--detach-keys' kind=running_container stops=0 ;;
        'logs') flags='-f --follow --since --until -n --tail -t --timestamps -l --latest --names --color --help' valued='--since --until -n --tail' kind=container stops=0 ;;
        'top') flags='-l --latest --list-descriptors --help' valued='' kind=running_container stops=1 ;;
        'stats') flags='-a --all --format -i --interval -l --latest --no-reset --no-stream --no-trunc --help' valued='--format -i --interval' kind=running_container stops=0 ;;
        'metrics') flags='--textfile --help' valued='--textfile' kind=nothing stops=0 ;;
        'why') flags='-l --latest --help' valued='' kind=container stops=0 ;;
        'events') flags='-f --filter --format --no-trunc --since --stream --until --help' valued='-f --filter --format --since --until' kind=nothing stops=0 ;;
        'wait') flags='--condition --ignore -i --interval -l --latest --help' valued='--condition -i --interval' kind=container stops=0 ;;
        'init') flags='-a --all -l --latest --help' valued='' kind=container stops=0 ;;
        'inspect') flags='-f --format -s --size -l --latest -t --type --help' valued='-f --format -t --type' kind=container stops=0 ;;
        'images') flags='-a --all --digests -f --filter --history --format --no-trunc -n --noheading -q --quiet --sort --help' valued='-f --filter --format --sort' kind=image stops=0 ;;
        'rmi') flags='-a --all -f --force -i --ignore --help' valued='' kind=image stops=0 ;;
        'tag') flags='--help' valued='' kind=image stops=0 ;;
        'fsck') flags='-q --quick --deep -n --dry-run --help' valued='' kind=nothing stops=0 ;;
        'gc') flags='--keep --help' valued='--keep' kind=nothing stops=0 ;;
        'untag') flags='--help' valued='' kind=image stops=0 ;;
        'history') flags='--format -H --human --no-trunc -n --noheading -q --quiet --help' valued='--format' kind=image stops=0 ;;
        'save') flags='--format -m --multi-image-archive -o --output -q --quiet --help' valued='--format -o --output' kind=image stops=0 ;;
        'load') flags='-i --input --platform -q --quiet --help' valued='-i --input --platform' kind=nothing stops=0 ;;
        'import') flags='--arch -c --change -m --message --os --platform -q --quiet --variant --help' valued='--arch -c --change -m --message --os --platform --variant' kind=file stops=0 ;;
        'export') flags='-o --output --help' valued='-o --output' kind=container stops=0 ;;
        'commit') flags='-a --author -c --change -f --format --iidfile -m --message -p --pause -q --quiet -s --squash --help' valued='-a --author -c --change -f --format --iidfile -m --message' kind=container stops=0 ;;
        'diff') flags='--format -l --latest --help' valued='--format' kind=container stops=0 ;;
        'mount') flags='-a --all --format --no-trunc -l --latest --help' valued='--format' kind=container stops=0 ;;
        'unmount') flags='-a --all -f --force -l --latest --help' valued='' kind=container stops=0 ;;
        'umount') flags='-a --all -f --force -l --latest --help' valued='' kind=container stops=0 ;;
        'info') flags='-f --format --help' valued='-f --format' kind=nothing stops=0 ;;
        'version') flags='-f --format --help' valued='-f --format' kind=nothing stops=0 ;;
        'container attach') flags='--detach-keys --no-stdin --sig-proxy -l --latest --help' valued='--detach-keys' kind=running_container stops=0 ;;
        'container cp') flags='-a --archive -L --follow-link --overwrite -q --quiet --help' valued='' kind=file stops=0 ;;
        'container commit') flags='-a --author -c --change -f --format --iidfile -m --message -p --pause -q --quiet -s --squash --help' valued='-a --author -c --change -f --format --iidfile -m --message' kind=container stops=0 ;;
        'container create') flags='--name --replace --rm --rmi --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init --init-path --systemd --shm-size-systemd --unsetenv --unsetenv-all --http-proxy --tz --personality --chrootdirs --env-host --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --oom-kill-disable --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --read-only --read-only-tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --rootfs --network --ip --ip6 --mac-address --network-alias --link -p --publish -P --publish-all --expose -h --hostname --domainname --add-host --no-hostname --no-hosts --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --privileged --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --no-healthcheck --log-driver --log-opt --pull --platform --arch --os --variant --tls-verify --creds --authfile --cert-dir --retry --retry-delay --disable-content-trust -q --quiet --help' valued='--name --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init-path --systemd --shm-size-systemd --unsetenv --tz --personality --chrootdirs --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --network --ip --ip6 --mac-address --network-alias --link -p --publish --expose -h --hostname --domainname --add-host --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --log-driver --log-opt --pull --platform --arch --os --variant --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=1 ;;
        'container diff') flags='--format -l --latest --help' valued='--format' kind=container stops=0 ;;
        'container exec') flags='-d --detach --detach-keys --privileged -l --latest --cidfile --preserve-fds --preserve-fd -i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --help' valued='--detach-keys --cidfile --preserve-fds --preserve-fd -e --env --env-file --env-merge -u --user -w --workdir' kind=running_container stops=1 ;;
        'container exists') flags='--help' valued='' kind=container stops=0 ;;
        'container export') flags='-o --output --help' valued='-o --output' kind=container stops=0 ;;
        'container init') flags='-a --all -l --latest --help' valued='' kind=container stops=0 ;;
        'container inspect') flags='-f --format -s --size -l --latest --help' valued='-f --format' kind=container stops=0 ;;
        'container kill') flags='-a --all -s --signal --cidfile -f --filter -l --latest --help' valued='-s --signal --cidfile -f --filter' kind=running_container stops=0 ;;
        'container logs') flags='-f --follow --since --until -n --tail -t --timestamps -l --latest --names --color --help' valued='--since --until -n --tail' kind=container stops=0 ;;
        'container ls') flags='-a --all -f --filter --format -n --last -l --latest --no-trunc --noheading -q --quiet -s --size --ns --at -w --watch --sort --help' valued='-f --filter --format -n --last --at -w --watch --sort' kind=nothing stops=0 ;;
        'container list') flags='-a --all -f --filter --format -n --last -l --latest --no-trunc --noheading -q --quiet -s --size --ns --at -w --watch --sort --help' valued='-f --filter --format -n --last --at -w --watch --sort' kind=nothing stops=0 ;;
        'container ps') flags='-a --all -f --filter --format -n --last -l --latest --no-trunc --noheading -q --quiet -s --size --ns --at -w --watch --sort --help' valued='-f --filter --format -n --last --at -w --watch --sort' kind=nothing stops=0 ;;
        'container mount') flags='-a --all --format --no-trunc -l --latest --help' valued='--format' kind=container stops=0 ;;
        'container pause') flags='-a --all --cidfile -f --filter -l --latest --help' valued='--cidfile -f --filter' kind=running_container stops=0 ;;
        'container port') flags='-a --all -l --latest --help' valued='' kind=container stops=0 ;;
        'container prune') flags='-f --force --filter --help' valued='--filter' kind=nothing stops=0 ;;
        'container rename') flags='--help' valued='' kind=container stops=0 ;;
        'container restart') flags='-a --all --running -t --time --cidfile -f --filter -l --latest --help' valued='-t --time --cidfile -f --filter' kind=container stops=0 ;;
        'container rm') flags='-a --all -f --force -i --ignore -t --time -v --volumes --depend --cidfile --filter -l --latest --help' valued='-t --time --cidfile --filter' kind=container stops=0 ;;
        'container run') flags='-d --detach --name --replace --rm --rmi --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -a --attach --detach-keys --sig-proxy --preserve-fds --preserve-fd -i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init --init-path --systemd --shm-size-systemd --unsetenv --unsetenv-all --http-proxy --tz --personality --chrootdirs --env-host --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --oom-kill-disable --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --read-only --read-only-tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --rootfs --network --ip --ip6 --mac-address --network-alias --link -p --publish -P --publish-all --expose -h --hostname --domainname --add-host --no-hostname --no-hosts --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --privileged --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --no-healthcheck --log-driver --log-opt --pull --platform --arch --os --variant --tls-verify --creds --authfile --cert-dir --retry --retry-delay --disable-content-trust -q --quiet --result --help' valued='--name --requires -l --label --label-file --annotation --pidfile --conmon-pidfile --cidfile -a --attach --detach-keys --preserve-fds --preserve-fd -e --env --env-file --env-merge -u --user -w --workdir --entrypoint --init-path --systemd --shm-size-systemd --unsetenv --tz --personality --chrootdirs --group-add --umask --runtime --stop-signal --stop-timeout --timeout --sdnotify --restart --pid --ipc --uts --cgroupns --userns --uidmap --gidmap --subuidname --subgidname --passwd-entry --group-entry --hostuser -m --memory --memory-swap --memory-reservation --memory-swappiness --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --oom-score-adj --shm-size --ulimit --cgroup-parent --cgroups --rdt-class -v --volume --mount --tmpfs --secret --volumes-from --image-volume --volume-driver --device-cgroup-rule --device --gpus --network --ip --ip6 --mac-address --network-alias --link -p --publish --expose -h --hostname --domainname --add-host --hosts-file --dns --dns-search --dns-option --cap-add --cap-drop --security-opt --seccomp-policy --sysctl --health-cmd --health-interval --health-retries --health-start-period --health-start-interval --health-timeout --health-on-failure --health-max-log-count --health-max-log-size --health-log-destination --health-startup-cmd --health-startup-interval --health-startup-retries --health-startup-success --health-startup-timeout --log-driver --log-opt --pull --platform --arch --os --variant --creds --authfile --cert-dir --retry --retry-delay --result' kind=image stops=1 ;;
        'container start') flags='-a --attach -i --interactive --sdnotify --detach-keys --sig-proxy --all -f --filter -l --latest --help' valued='--sdnotify --detach-keys -f --filter' kind=container stops=0 ;;
        'container stats') flags='-a --all --format -i --interval -l --latest --no-reset --no-stream --no-trunc --help' valued='--format -i --interval' kind=running_container stops=0 ;;
        'container stop') flags='-a --all -i --ignore -t --time -s --signal --cidfile -f --filter -l --latest --help' valued='-t --time -s --signal --cidfile -f --filter' kind=running_container stops=0 ;;
        'container top') flags='-l --latest --list-descriptors --help' valued='' kind=running_container stops=1 ;;
        'container unmount') flags='-a --all -f --force -l --latest --help' valued='' kind=container stops=0 ;;
        'container umount') flags='-a --all -f --force -l --latest --help' valued='' kind=container stops=0 ;;
        'container unpause') flags='-a --all --cidfile -f --filter -l --latest --help' valued='--cidfile -f --filter' kind=running_container stops=0 ;;
        'container update') flags='-l --latest --restart -e --env --unsetenv -m --memory --memory-swap --memory-reservation --memory-swappiness --oom-kill-disable --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops --help' valued='--restart -e --env --unsetenv -m --memory --memory-swap --memory-reservation --memory-swappiness --cpus -c --cpu-shares --cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --pids-limit --cgroup-conf --blkio-weight --blkio-weight-device --device-read-bps --device-write-bps --device-read-iops --device-write-iops' kind=container stops=0 ;;
        'container wait') flags='--condition --ignore -i --interval -l --latest --help' valued='--condition -i --interval' kind=container stops=0 ;;
        'container why') flags='-l --latest --help' valued='' kind=container stops=0 ;;
        'healthcheck run') flags='--ignore-result --help' valued='' kind=running_container stops=0 ;;
        'image diff') flags='--format --help' valued='--format' kind=image stops=0 ;;
        'image exists') flags='--help' valued='' kind=image stops=0 ;;
        'image history') flags='--format -H --human --no-trunc -n --noheading -q --quiet --help' valued='--format' kind=image stops=0 ;;
        'image import') flags='--arch -c --change -m --message --os --platform -q --quiet --variant --help' valued='--arch -c --change -m --message --os --platform --variant' kind=file stops=0 ;;
        'image inspect') flags='-f --format --help' valued='-f --format' kind=image stops=0 ;;
        'image load') flags='-i --input --platform -q --quiet --help' valued='-i --input --platform' kind=nothing stops=0 ;;
        'image ls') flags='-a --all --digests -f --filter --history --format --no-trunc -n --noheading -q --quiet --sort --help' valued='-f --filter --format --sort' kind=image stops=0 ;;
        'image list') flags='-a --all --digests -f --filter --history --format --no-trunc -n --noheading -q --quiet --sort --help' valued='-f --filter --format --sort' kind=image stops=0 ;;
        'image mount') flags='-a --all --format --no-trunc --help' valued='--format' kind=image stops=0 ;;
        'image prune') flags='-a --all -f --force --filter --help' valued='--filter' kind=nothing stops=0 ;;
        'image pull') flags='-a --all-tags --platform --arch --os --variant --policy -q --quiet --max-concurrent-downloads --tls-verify --creds --authfile --cert-dir --retry --retry-delay --help' valued='--platform --arch --os --variant --policy --max-concurrent-downloads --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=0 ;;
        'image push') flags='-a --all-tags --all-platforms --platform --arch --os --variant --compression-format --compression-level --force-compression -f --format --digestfile -q --quiet --max-concurrent-uploads --tls-verify --creds --authfile --cert-dir --retry --retry-delay --help' valued='--platform --arch --os --variant --compression-format --compression-level -f --format --digestfile --max-concurrent-uploads --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=0 ;;
        'image rm') flags='-a --all -f --force -i --ignore --help' valued='' kind=image stops=0 ;;
        'image remove') flags='-a --all -f --force -i --ignore --help' valued='' kind=image stops=0 ;;
        'image save') flags='--format -m --multi-image-archive -o --output -q --quiet --help' valued='--format -o --output' kind=image stops=0 ;;
        'image search') flags='-f --filter --format --limit --list-tags --no-trunc --compatible --tls-verify --creds --authfile --cert-dir --help' valued='-f --filter --format --limit --creds --authfile --cert-dir' kind=nothing stops=0 ;;
        'image tag') flags='--help' valued='' kind=image stops=0 ;;
        'image tree') flags='--no-trunc --help' valued='' kind=image stops=0 ;;
        'image unmount') flags='-a --all -f --force --help' valued='' kind=image stops=0 ;;
        'image umount') flags='-a --all -f --force --help' valued='' kind=image stops=0 ;;
        'image untag') flags='--help' valued='' kind=image stops=0 ;;
        'manifest create') flags='-a --amend --annotation --all --tls-verify --creds --authfile --cert-dir --help' valued='--annotation --creds --authfile --cert-dir' kind=nothing stops=0 ;;
        'manifest add') flags='--annotation --arch --os --os-version --os-features --variant --all --tls-verify --creds --authfile --cert-dir --help' valued='--annotation --arch --os --os-version --os-features --variant --creds --authfile --cert-dir' kind=nothing stops=0 ;;
        'manifest annotate') flags='--annotation --arch --os --os-version --os-features --variant --index --help' valued='--annotation --arch --os --os-version --os-features --variant' kind=image stops=0 ;;
        'manifest inspect') flags='--tls-verify --creds --authfile --cert-dir -v --verbose --help' valued='--creds --authfile --cert-dir' kind=image stops=0 ;;
        'manifest push') flags='--all --compression-format --compression-level --force-compression -f --format --digestfile -p --purge --rm -q --quiet --tls-verify --creds --authfile --cert-dir --retry --retry-delay --help' valued='--compression-format --compression-level -f --format --digestfile --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=0 ;;
        'manifest remove') flags='--help' valued='' kind=image stops=0 ;;
        'manifest rm') flags='-i --ignore --help' valued='' kind=image stops=0 ;;
        'manifest exists') flags='--help' valued='' kind=image stops=0 ;;
        'network check') flags='--format --help' valued='--format' kind=nothing stops=0 ;;
        'network connect') flags='--alias --ip --ip6 --mac-address --help' valued='--alias --ip --ip6 --mac-address' kind=nothing stops=0 ;;
        'network create') flags='-d --driver --subnet --gateway --ip-range --ipv6 --ipam-driver --route --internal --disable-dns --dns --interface-name --ignore --label -o --opt --help' valued='-d --driver --subnet --gateway --ip-range --ipam-driver --route --dns --interface-name --label -o --opt' kind=nothing stops=0 ;;
        'network disconnect') flags='-f --force --help' valued='' kind=nothing stops=0 ;;
        'network exists') flags='--help' valued='' kind=nothing stops=0 ;;
        'network inspect') flags='-f --format --help' valued='-f --format' kind=nothing stops=0 ;;
        'network ls') flags='-f --filter --format -n --noheading --no-trunc -q --quiet --help' valued='-f --filter --format' kind=nothing stops=0 ;;
        'network list') flags='-f --filter --format -n --noheading --no-trunc -q --quiet --help' valued='-f --filter --format' kind=nothing stops=0 ;;
        'network prune') flags='-f --force --filter --help' valued='--filter' kind=nothing stops=0 ;;
        'network reload') flags='-a --all --help' valued='' kind=running_container stops=0 ;;
        'network rm') flags='-f --force --help' valued='' kind=nothing stops=0 ;;
        'network remove') flags='-f --force --help' valued='' kind=nothing stops=0 ;;
        'volume create') flags='-d --driver --ignore -l --label -o --opt --uid --gid --help' valued='-d --driver -l --label -o --opt --uid --gid' kind=nothing stops=0 ;;
        'volume exists') flags='--help' valued='' kind=nothing stops=0 ;;
        'volume export') flags='-o --output --help' valued='-o --output' kind=nothing stops=0 ;;
        'volume import') flags='--help' valued='' kind=nothing stops=0 ;;
        'volume inspect') flags='-a --all -f --format --help' valued='-f --format' kind=nothing stops=0 ;;
        'volume ls') flags='-f --filter --format -n --noheading -q --quiet --help' valued='-f --filter --format' kind=nothing stops=0 ;;
        'volume list') flags='-f --filter --format -n --noheading -q --quiet --help' valued='-f --filter --format' kind=nothing stops=0 ;;
        'volume prune') flags='-f --force --filter --help' valued='--filter' kind=nothing stops=0 ;;
        'volume rm') flags='-a --all -f --force --help' valued='' kind=nothing stops=0 ;;
        'volume remove') flags='-a --all -f --force --help' valued='' kind=nothing stops=0 ;;
        'secret create') flags='-d --driver --env --ignore -l --label --replace --help' valued='-d --driver -l --label' kind=nothing stops=0 ;;
        'secret exists') flags='--help' valued='' kind=nothing stops=0 ;;
        'secret inspect') flags='-f --format --pretty --showsecret --help' valued='-f --format' kind=nothing stops=0 ;;
        'secret ls') flags='-f --filter --format -n --noheading -q --quiet --help' valued='-f --filter --format' kind=nothing stops=0 ;;
        'secret list') flags='-f --filter --format -n --noheading -q --quiet --help' valued='-f --filter --format' kind=nothing stops=0 ;;
        'secret rm') flags='-a --all -i --ignore --help' valued='' kind=nothing stops=0 ;;
        'system check') flags='-q --quick --deep -r --repair --help' valued='' kind=nothing stops=0 ;;
        'runtime create') flags='-b --bundle --console-socket --pid-file --preserve-fds --no-pivot --no-new-keyring --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='-b --bundle --console-socket --pid-file --preserve-fds --root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime start') flags='--root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime run') flags='-b --bundle --console-socket --pid-file --preserve-fds --no-pivot --no-new-keyring --root --log --log-format --debug --systemd-cgroup --rootless -d --detach --keep --no-subreaper --help' valued='-b --bundle --console-socket --pid-file --preserve-fds --root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime state') flags='--root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime kill') flags='-a --all --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime delete') flags='-f --force --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime exec') flags='-p --process --console-socket --pid-file --preserve-fds -d --detach -t --tty --cwd -e --env -u --user -g --additional-gids -c --cap --apparmor --process-label --no-new-privs --cgroup --ignore-paused --no-subreaper --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='-p --process --console-socket --pid-file --preserve-fds --cwd -e --env -u --user -g --additional-gids -c --cap --apparmor --process-label --cgroup --root --log --log-format --rootless' kind=nothing stops=1 ;;
        'runtime ps') flags='-f --format --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='-f --format --root --log --log-format --rootless' kind=nothing stops=1 ;;
        'runtime list') flags='-f --format -q --quiet --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='-f --format --root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime pause') flags='--root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime resume') flags='--root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime update') flags='-r --resources --memory --memory-reservation --memory-swap --cpu-shares --cpu-share --cpu-period --cpu-quota --cpu-burst --cpu-rt-period --cpu-rt-runtime --cpu-idle --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='-r --resources --memory --memory-reservation --memory-swap --cpu-shares --cpu-share --cpu-period --cpu-quota --cpu-burst --cpu-rt-period --cpu-rt-runtime --cpu-idle --cpuset-cpus --cpuset-mems --pids-limit --blkio-weight --root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime events') flags='--stats --interval --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--interval --root --log --log-format --rootless' kind=nothing stops=0 ;;
        'runtime spec') flags='-b --bundle --root --log --log-format --debug --systemd-cgroup --rootless --help' valued='-b --bundle --root --log --log-format' kind=nothing stops=0 ;;
        'runtime features') flags='--root --log --log-format --debug --systemd-cgroup --rootless --help' valued='--root --log --log-format --rootless' kind=nothing stops=0 ;;
        'unit print') flags='--restart --help' valued='--restart' kind=container stops=0 ;;
        'unit install') flags='--directory -f --force --restart --help' valued='--directory --restart' kind=container stops=0 ;;
        'unit generate') flags='--from --help' valued='--from' kind=directory stops=0 ;;
        'system df') flags='-v --verbose --format --help' valued='--format' kind=nothing stops=0 ;;
        'system gc') flags='--keep --help' valued='--keep' kind=nothing stops=0 ;;
        'system events') flags='-f --filter --format --no-trunc --since --stream --until --help' valued='-f --filter --format --since --until' kind=nothing stops=0 ;;
        'system boot') flags='--help' valued='' kind=nothing stops=0 ;;
        'system info') flags='-f --format --help' valued='-f --format' kind=nothing stops=0 ;;
        'system metrics') flags='--textfile --help' valued='--textfile' kind=nothing stops=0 ;;
        'system prune') flags='-a --all -f --force --volumes --filter --help' valued='--filter' kind=nothing stops=0 ;;
        'content ls') flags='--format -q --quiet --unreferenced --help' valued='--format' kind=nothing stops=0 ;;
        'content get') flags='-o --output --help' valued='-o --output' kind=nothing stops=0 ;;
        'content fetch') flags='--platform --arch --os --variant -q --quiet --tls-verify --creds --authfile --cert-dir --retry --retry-delay --help' valued='--platform --arch --os --variant --creds --authfile --cert-dir --retry --retry-delay' kind=image stops=0 ;;
        'content rm') flags='-f --force --help' valued='' kind=nothing stops=0 ;;
        'snapshot ls') flags='--format --no-trunc -q --quiet --help' valued='--format' kind=nothing stops=0 ;;
        'snapshot tree') flags='--help' valued='' kind=nothing stops=0 ;;
        'snapshot mounts') flags='--help' valued='' kind=nothing stops=0 ;;
        'snapshot usage') flags='-b --bytes --help' valued='' kind=nothing stops=0 ;;
        'snapshot rm') flags='--help' valued='' kind=nothing stops=0 ;;
        'bundle create') flags='-i --interactive -t --tty -e --env --env-file --env-merge -u --user -w --workdir --network --read-only --privileged --help' valued='-e --env --env-file --env-merge -u --user -w --workdir --network' kind=image stops=1 ;;
        'namespace ls') flags='--format -q --quiet --help' valued='--format' kind=nothing stops=0 ;;
        'namespace create') flags='-l --label --help' valued='-l --label' kind=nothing stops=0 ;;
        'namespace rm') flags='--help' valued='' kind=nothing stops=0 ;;
        'lease ls') flags='--format -q --quiet --help' valued='--format' kind=nothing stops=0 ;;
        'lease rm') flags='-f --force --help' valued='' kind=nothing stops=0 ;;
    esac
}

# Sets values (words to choose from) or kind_of_flag.
_nau_flag() {
    kind_of_flag=nothing
    case "$1 $2" in
        'pull --policy') values='always missing never newer' ;;
        'pull --authfile') kind_of_flag=file ;;
        'pull --cert-dir') kind_of_flag=directory ;;
        'push --compression-format') values='gzip zstd none' ;;
        'push -f'|'push --format') values='oci v2s2' ;;
        'push --digestfile') kind_of_flag=file ;;
        'push --authfile') kind_of_flag=file ;;
        'push --cert-dir') kind_of_flag=directory ;;
        'login --authfile') kind_of_flag=file ;;
        'login --compat-auth-file') kind_of_flag=file ;;
        'login --cert-dir') kind_of_flag=directory ;;
        'logout --authfile') kind_of_flag=file ;;
        'logout --compat-auth-file') kind_of_flag=file ;;
        'search --authfile') kind_of_flag=file ;;
        'search --cert-dir') kind_of_flag=directory ;;
        'run --requires') kind_of_flag=container ;;
        'run --label-file') kind_of_flag=file ;;
        'run --pidfile') kind_of_flag=file ;;
        'run --conmon-pidfile') kind_of_flag=file ;;
        'run --cidfile') kind_of_flag=file ;;
        'run -a'|'run --attach') values='stdin stdout stderr' ;;
        'run --env-file') kind_of_flag=file ;;
        'run --init-path') kind_of_flag=file ;;
        'run --systemd') values='true false always' ;;
        'run --sdnotify') values='container conmon healthy ignore' ;;
        'run -v'|'run --volume') kind_of_flag=file ;;
        'run --volumes-from') kind_of_flag=container ;;
        'run --device') kind_of_flag=file ;;
        'run --hosts-file') kind_of_flag=file ;;
        'run --health-on-failure') values='none kill restart stop' ;;
        'run --pull') values='always missing never newer' ;;
        'run --authfile') kind_of_flag=file ;;
        'run --cert-dir') kind_of_flag=directory ;;
        'run --result') kind_of_flag=file ;;
        'create --requires') kind_of_flag=container ;;
        'create --label-file') kind_of_flag=file ;;
        'create --pidfile') kind_of_flag=file ;;
        'create --conmon-pidfile') kind_of_flag=file ;;
        'create --cidfile') kind_of_flag=file ;;
        'create --env-file') kind_of_flag=file ;;
        'create --init-path') kind_of_flag=file ;;
        'create --systemd') values='true false always' ;;
        'create --sdnotify') values='container conmon healthy ignore' ;;
        'create -v'|'create --volume') kind_of_flag=file ;;
        'create --volumes-from') kind_of_flag=container ;;
        'create --device') kind_of_flag=file ;;
        'create --hosts-file') kind_of_flag=file ;;
        'create --health-on-failure') values='none kill restart stop' ;;
        'create --pull') values='always missing never newer' ;;
        'create --authfile') kind_of_flag=file ;;
        'create --cert-dir') kind_of_flag=directory ;;
        'start --sdnotify') values='container conmon healthy ignore' ;;
        'stop --cidfile') kind_of_flag=file ;;
        'restart --cidfile') kind_of_flag=file ;;
        'kill --cidfile') kind_of_flag=file ;;
        'pause --cidfile') kind_of_flag=file ;;
        'unpause --cidfile') kind_of_flag=file ;;
        'rm --cidfile') kind_of_flag=file ;;
        'ps --sort') values='command created id image names runningfor status' ;;
        'exec --cidfile') kind_of_flag=file ;;
        'exec --env-file') kind_of_flag=file ;;
        'metrics --textfile') kind_of_flag=file ;;
        'inspect -t'|'inspect --type') values='all container image' ;;
        'images --sort') values='created id repository size tag' ;;
        'save --format') values='docker-archive oci-archive oci-dir docker-dir' ;;
        'save -o'|'save --output') kind_of_flag=file ;;
        'load -i'|'load --input') kind_of_flag=file ;;
        'export -o'|'export --output') kind_of_flag=file ;;
        'commit -f'|'commit --format') values='oci docker' ;;
        'commit --iidfile') kind_of_flag=file ;;
        'container commit -f'|'container commit --format') values='oci docker' ;;
        'container commit --iidfile') kind_of_flag=file ;;
        'container create --requires') kind_of_flag=container ;;
        'container create --label-file') kind_of_flag=file ;;
        'container create --pidfile') kind_of_flag=file ;;
        'container create --conmon-pidfile') kind_of_flag=file ;;
        'container create --cidfile') kind_of_flag=file ;;
        'container create --env-file') kind_of_flag=file ;;
        'container create --init-path') kind_of_flag=file ;;
        'container create --systemd') values='true false always' ;;
        'container create --sdnotify') values='container conmon healthy ignore' ;;
        'container create -v'|'container create --volume') kind_of_flag=file ;;
        'container create --volumes-from') kind_of_flag=container ;;
        'container create --device') kind_of_flag=file ;;
        'container create --hosts-file') kind_of_flag=file ;;
        'container create --health-on-failure') values='none kill restart stop' ;;
        'container create --pull') values='always missing never newer' ;;
        'container create --authfile') kind_of_flag=file ;;
        'container create --cert-dir') kind_of_flag=directory ;;
        'container exec --cidfile') kind_of_flag=file ;;
        'container exec --env-file') kind_of_flag=file ;;
        'container export -o'|'container export --output') kind_of_flag=file ;;
        'container kill --cidfile') kind_of_flag=file ;;
        'container ls --sort') values='command created id image names runningfor status' ;;
        'container list --sort') values='command created id image names runningfor status' ;;
        'container ps --sort') values='command created id image names runningfor status' ;;
        'container pause --cidfile') kind_of_flag=file ;;
        'container restart --cidfile') kind_of_flag=file ;;
        'container rm --cidfile') kind_of_flag=file ;;
        'container run --requires') kind_of_flag=container ;;
        'container run --label-file') kind_of_flag=file ;;
        'container run --pidfile') kind_of_flag=file ;;
        'container run --conmon-pidfile') kind_of_flag=file ;;
        'container run --cidfile') kind_of_flag=file ;;
        'container run -a'|'container run --attach') values='stdin stdout stderr' ;;
        'container run --env-file') kind_of_flag=file ;;
        'container run --init-path') kind_of_flag=file ;;
        'container run --systemd') values='true false always' ;;
        'container run --sdnotify') values='container conmon healthy ignore' ;;
        'container run -v'|'container run --volume') kind_of_flag=file ;;
        'container run --volumes-from') kind_of_flag=container ;;
        'container run --device') kind_of_flag=file ;;
        'container run --hosts-file') kind_of_flag=file ;;
        'container run --health-on-failure') values='none kill restart stop' ;;
        'container run --pull') values='always missing never newer' ;;
        'container run --authfile') kind_of_flag=file ;;
        'container run --cert-dir') kind_of_flag=directory ;;
        'container run --result') kind_of_flag=file ;;
        'container start --sdnotify') values='container conmon healthy ignore' ;;
        'container stop --cidfile') kind_of_flag=file ;;
        'container unpause --cidfile') kind_of_flag=file ;;
        'image load -i'|'image load --input') kind_of_flag=file ;;
        'image ls --sort') values='created id repository size tag' ;;
        'image list --sort') values='created id repository size tag' ;;
        'image pull --policy') values='always missing never newer' ;;
        'image pull --authfile') kind_of_flag=file ;;
        'image pull --cert-dir') kind_of_flag=directory ;;
        'image push --compression-format') values='gzip zstd none' ;;
        'image push -f'|'image push --format') values='oci v2s2' ;;
        'image push --digestfile') kind_of_flag=file ;;
        'image push --authfile') kind_of_flag=file ;;
        'image push --cert-dir') kind_of_flag=directory ;;
        'image save --format') values='docker-archive oci-archive oci-dir docker-dir' ;;
        'image save -o'|'image save --output') kind_of_flag=file ;;
        'image search --authfile') kind_of_flag=file ;;
        'image search --cert-dir') kind_of_flag=directory ;;
        'manifest create --authfile') kind_of_flag=file ;;
        'manifest create --cert-dir') kind_of_flag=directory ;;
        'manifest add --authfile') kind_of_flag=file ;;
        'manifest add --cert-dir') kind_of_flag=directory ;;
        'manifest inspect --authfile') kind_of_flag=file ;;
        'manifest inspect --cert-dir') kind_of_flag=directory ;;
        'manifest push --compression-format') values='gzip zstd none' ;;
        'manifest push -f'|'manifest push --format') values='oci v2s2' ;;
        'manifest push --digestfile') kind_of_flag=file ;;
        'manifest push --authfile') kind_of_flag=file ;;
        'manifest push --cert-dir') kind_of_flag=directory ;;
        'network create -d'|'network create --driver') values='bridge macvlan ipvlan' ;;
        'volume export -o'|'volume export --output') kind_of_flag=file ;;
        'runtime create -b'|'runtime create --bundle') kind_of_flag=directory ;;
        'runtime create --console-socket') kind_of_flag=file ;;
        'runtime create --pid-file') kind_of_flag=file ;;
        'runtime create --root') kind_of_flag=directory ;;
        'runtime create --log') kind_of_flag=file ;;
        'runtime create --log-format') values='text json' ;;
        'runtime create --rootless') values='true false auto' ;;
        'runtime start --root') kind_of_flag=directory ;;
        'runtime start --log') kind_of_flag=file ;;
        'runtime start --log-format') values='text json' ;;
        'runtime start --rootless') values='true false auto' ;;
        'runtime run -b'|'runtime run --bundle') kind_of_flag=directory ;;
        'runtime run --console-socket') kind_of_flag=file ;;
        'runtime run --pid-file') kind_of_flag=file ;;
        'runtime run --root') kind_of_flag=directory ;;
        'runtime run --log') kind_of_flag=file ;;
        'runtime run --log-format') values='text json' ;;
        'runtime run --rootless') values='true false auto' ;;
        'runtime state --root') kind_of_flag=directory ;;
        'runtime state --log') kind_of_flag=file ;;
        'runtime state --log-format') values='text json' ;;
        'runtime state --rootless') values='true false auto' ;;
        'runtime kill --root') kind_of_flag=directory ;;
        'runtime kill --log') kind_of_flag=file ;;
        'runtime kill --log-format') values='text json' ;;
        'runtime kill --rootless') values='true false auto' ;;
        'runtime delete --root') kind_of_flag=directory ;;
        'runtime delete --log') kind_of_flag=file ;;
        'runtime delete --log-format') values='text json' ;;
        'runtime delete --rootless') values='true false auto' ;;
        'runtime exec -p'|'runtime exec --process') kind_of_flag=file ;;
        'runtime exec --console-socket') kind_of_flag=file ;;
        'runtime exec --pid-file') kind_of_flag=file ;;
        'runtime exec --root') kind_of_flag=directory ;;
        'runtime exec --log') kind_of_flag=file ;;
        'runtime exec --log-format') values='text json' ;;
        'runtime exec --rootless') values='true false auto' ;;
        'runtime ps -f'|'runtime ps --format') values='table json' ;;
        'runtime ps --root') kind_of_flag=directory ;;
        'runtime ps --log') kind_of_flag=file ;;
        'runtime ps --log-format') values='text json' ;;
        'runtime ps --rootless') values='true false auto' ;;
        'runtime list -f'|'runtime list --format') values='table json' ;;
        'runtime list --root') kind_of_flag=directory ;;
        'runtime list --log') kind_of_flag=file ;;
        'runtime list --log-format') values='text json' ;;
        'runtime list --rootless') values='true false auto' ;;
        'runtime pause --root') kind_of_flag=directory ;;
        'runtime pause --log') kind_of_flag=file ;;
        'runtime pause --log-format') values='text json' ;;
        'runtime pause --rootless') values='true false auto' ;;
        'runtime resume --root') kind_of_flag=directory ;;
        'runtime resume --log') kind_of_flag=file ;;
        'runtime resume --log-format') values='text json' ;;
        'runtime resume --rootless') values='true false auto' ;;
        'runtime update -r'|'runtime update --resources') kind_of_flag=file ;;
        'runtime update --root') kind_of_flag=directory ;;
        'runtime update --log') kind_of_flag=file ;;
        'runtime update --log-format') values='text json' ;;
        'runtime update --rootless') values='true false auto' ;;
        'runtime events --root') kind_of_flag=directory ;;
        'runtime events --log') kind_of_flag=file ;;
        'runtime events --log-format') values='text json' ;;
        'runtime events --rootless') values='true false auto' ;;
        'runtime spec -b'|'runtime spec --bundle') kind_of_flag=directory ;;
        'runtime spec --root') kind_of_flag=directory ;;
        'runtime spec --log') kind_of_flag=file ;;
        'runtime spec --log-format') values='text json' ;;
        'runtime features --root') kind_of_flag=directory ;;
        'runtime features --log') kind_of_flag=file ;;
        'runtime features --log-format') values='text json' ;;
        'runtime features --rootless') values='true false auto' ;;
        'unit print --restart') values='no always on-success on-failure on-abnormal on-abort on-watchdog' ;;
        'unit install --directory') kind_of_flag=directory ;;
        'unit install --restart') values='no always on-success on-failure on-abnormal on-abort on-watchdog' ;;
        'system metrics --textfile') kind_of_flag=file ;;
        'content get -o'|'content get --output') kind_of_flag=file ;;
        'content fetch --authfile') kind_of_flag=file ;;
        'content fetch --cert-dir') kind_of_flag=directory ;;
        'bundle create --env-file') kind_of_flag=file ;;
        'bundle create --network') values='none host' ;;
        *' --root') kind_of_flag=directory ;;
        *' --runroot') kind_of_flag=directory ;;
        *' --log-level') values='trace debug info warn error off' ;;
    esac
}

complete -F _nau nau
