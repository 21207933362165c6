#include <filesystem>

#include "base/error.h"
#include "cli/files.h"
#include "engine/spec/cdi.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

void declare_mount_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& options = create.options;
    flags.section("Files");
    flags
        .parsed("-v,--volume",
                "[SOURCE:]DIR[:OPTIONS]",
                "Mount a path of the host or a volume at a directory of the container",
                [&options](std::string_view text) {
                    options.mounts.push_back(engine::parse_volume_flag(text));
                })
        .repeatable()
        .completes(cli::Complete::file)
        .explain(
            "A source that begins with / or . is a path of the host, and is created as a "
            "directory if it does not exist; any other is the name of a volume; without a "
            "source a volume without name is made. Options, separated by commas: ro, rw; "
            "nosuid, nodev, noexec and their opposites; bind, rbind; shared, slave, private, "
            "unbindable and the same with r in front; copy, nocopy (whether a new volume gets "
            "the image's files); U (give the source to the container's user); O (what is written "
            "goes to a layer above the source and is gone at the next start, or is kept in "
            "upperdir=DIR with workdir=DIR); idmap (in a user namespace: ids as on disk); z, Z (an "
            "SELinux label: refused where SELinux is enabled).");
    flags
        .parsed("--mount",
                "type=TYPE,KEY=VALUE,...",
                "Mount a path, a volume or a tmpfs, said in words",
                [&options](std::string_view text) {
                    options.mounts.push_back(engine::parse_mount_flag(text));
                })
        .repeatable()
        .explain(
            "Types are bind, volume (the default), tmpfs, ramfs, devpts, glob (a bind mount of "
            "each "
            "match of the pattern src below dst) and image (the files of an image that is here, "
            "read-only unless rw=true). Keys of all: src, dst, ro. Of bind: "
            "bind-propagation, bind-nonrecursive, bind-recursive, U; the source must exist. Of "
            "volume: volume-nocopy, volume-label, volume-opt, U. Of tmpfs: tmpfs-size, tmpfs-mode. "
            "Of devpts: uid, gid, mode, max. Further words as for --volume.");
    flags
        .parsed("--tmpfs",
                "DIR[:OPTIONS]",
                "Mount an empty file system in memory",
                [&options](std::string_view text) {
                    options.mounts.push_back(engine::parse_tmpfs_flag(text));
                })
        .repeatable()
        .explain(
            "Options as of tmpfs(5), such as size=64m,mode=1777, and those of --volume; "
            "notmpcopyup leaves out the image's files.");
    flags.toggle(
        "--read-only", "Make the container's root file system read-only", options.is_read_only);
    flags.toggle("--read-only-tmpfs",
                 "With --read-only, mount a tmpfs on /run, /tmp and /var/tmp",
                 options.has_read_only_tmpfs);
    flags
        .parsed("--secret",
                "NAME[,KEY=VALUE...]",
                "Give the container a secret, as a file or as a variable",
                [&options](std::string_view text) {
                    options.secrets.push_back(engine::parse_secret_flag(text));
                })
        .repeatable()
        .explain(
            "type=mount (the default) makes the file /run/secrets/NAME, or target=, which belongs "
            "to uid= and gid= and has mode= (0444); type=env makes a variable of that name, or "
            "target=. Neither the record nor inspect shows what it holds.");
    flags
        .parsed("--volumes-from",
                "CONTAINER[:OPTIONS]",
                "Mount what the user mounted into another container",
                [&options](std::string_view text) {
                    options.volumes_from.push_back(engine::parse_volumes_from_flag(text));
                })
        .repeatable()
        .completes(cli::Complete::container)
        .explain("Options are ro and rw; without them it is as there.");
    flags
        .parsed("--image-volume",
                "MODE",
                "What becomes of volumes that the image wants: anonymous, tmpfs, ignore",
                [&options](std::string_view text) {
                    using Mode = engine::CreateOptions::ImageVolumes;
                    if (text == "anonymous" || text == "bind") {
                        options.image_volumes = Mode::anonymous;
                    } else if (text == "tmpfs") {
                        options.image_volumes = Mode::tmpfs;
                    } else if (text == "ignore") {
                        options.image_volumes = Mode::ignore;
                    } else {
                        throw Error(
                            ErrorKind::invalid, "'{}' is none of anonymous, tmpfs, ignore", text);
                    }
                })
        .defaults_to("anonymous");
    flags
        .parsed("--volume-driver",
                "DRIVER",
                "Make new volumes with this driver: local",
                [](std::string_view text) {
                    if (text != "local" && !text.empty()) {
                        throw Error(
                            ErrorKind::unsupported, "volume driver '{}': nau has only local", text);
                    }
                })
        .defaults_to("local");
    flags
        .parsed("--device-cgroup-rule",
                "TYPE MAJOR:MINOR ACCESS",
                "Allow the use of devices by number, such as 'c 42:* rwm'",
                [&options](std::string_view text) {
                    options.device_rules.push_back(engine::parse_device_rule_flag(text));
                })
        .repeatable();
    flags
        .parsed("--device",
                "PATH[:PATH][:rwm]",
                "Give the container a device of the host",
                [&options](std::string_view text) {
                    if (engine::is_cdi_name(text)) {
                        options.cdi_devices.emplace_back(text);
                    } else {
                        options.devices.push_back(engine::parse_device_flag(text));
                    }
                })
        .repeatable()
        .completes(cli::Complete::file)
        .explain(
            "The second path is its name in the container; r, w and m allow to read, write "
            "and make it. A name such as vendor.com/class=name is a CDI device, which a file "
            "in /etc/cdi or /var/run/cdi describes.");
    flags
        .parsed("--gpus",
                "GPUS",
                "Give the container GPUs: all, so many, or device=NAME and so on",
                [&options](std::string_view text) {
                    for (auto& name : engine::gpu_names(text)) {
                        options.cdi_devices.push_back(std::move(name));
                    }
                })
        .explain("They are the CDI devices nvidia.com/gpu=NAME.");
    flags
        .toggle("--rootfs",
                "Run in a directory of the host, given in place of the image",
                options.has_rootfs)
        .explain(
            "DIR:O keeps what is written apart, in a layer that goes with the container. The "
            "directory itself is never removed.");
}

void finish_rootfs(engine::CreateOptions& options) {
    if (!options.has_rootfs) {
        return;
    }
    if (options.removes_image) {
        throw Error(ErrorKind::invalid, "--rmi and --rootfs exclude each other: there is no image");
    }
    std::filesystem::path path = options.image;
    if (options.image.ends_with(":O")) {
        options.rootfs_is_overlay = true;
        path = options.image.substr(0, options.image.size() - 2);
    }
    if (path.empty()) {
        throw Error(ErrorKind::invalid, "--rootfs needs a directory in place of the image");
    }
    path = (std::filesystem::path(cli::working_directory()) / path).lexically_normal();
    options.image = path.has_filename() || path == "/" ? path : path.parent_path();
}

void finish_mounts(std::vector<engine::MountRequest>& mounts) {
    for (auto& mount : mounts) {
        if (mount.type == engine::MountRequest::Type::bind && !mount.source.starts_with('/')) {
            engine::make_source_absolute(mount, cli::working_directory());
        }
        if (mount.selinux_relabel != '\0' && cli::selinux_is_enabled()) {
            throw Error(ErrorKind::unsupported,
                        "mount option '{}': SELinux labels are not supported by nau yet",
                        mount.selinux_relabel);
        }
    }
}

}  // namespace nau::subcommands
