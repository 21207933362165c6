#include "base/error.h"
#include "cli/files.h"
#include "subcommands/flags/create_flags.h"

namespace nau::subcommands {

void declare_security_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& security = create.options.security;
    flags.section("Security");
    flags.list("--cap-add", "CAPABILITY", "Add a capability, or all", security.cap_add)
        .explain("Names are those of capabilities(7), with or without CAP_, in any case.");
    flags.list("--cap-drop", "CAPABILITY", "Take away a capability, or all", security.cap_drop);
    flags
        .toggle("--privileged",
                "Give all capabilities and devices and switch confinement off",
                security.is_privileged)
        .explain("A process in such a container can take over the machine.");
    flags
        .parsed("--security-opt",
                "OPTION",
                "Set no-new-privileges, seccomp=, mask=, unmask=, systempaths=, proc-opts=, "
                "apparmor=, label= or writable-cgroups",
                [&security](std::string_view text) { engine::apply_security_opt(text, security); })
        .repeatable()
        .explain(
            "no-new-privileges: no program gains rights by being executed. seccomp=FILE or "
            "seccomp=unconfined: another filter of system calls, or none. mask=PATH[:PATH]: "
            "hide more paths. unmask=PATH[:PATH] or unmask=ALL: hide fewer. apparmor=PROFILE: "
            "run under this profile. proc-opts=OPTION,...: mount /proc with these options, such as "
            "hidepid=2. writable-cgroups: mount the container's control groups writable. "
            "label=disable, label=type:TYPE and the like: SELinux labels; they mean nothing where "
            "SELinux is not enabled, and where it is, only disable is supported.");
    flags
        .parsed("--seccomp-policy",
                "POLICY",
                "Where the filter of system calls comes from: default",
                [](std::string_view text) {
                    if (text == "image") {
                        throw Error(ErrorKind::unsupported,
                                    "'image': what an image says is never policy")
                            .with_hint("use --security-opt seccomp=FILE");
                    }
                    if (text != "default") {
                        throw Error(ErrorKind::invalid, "'{}' is not default", text);
                    }
                })
        .defaults_to("default");
    flags
        .parsed("--sysctl",
                "KEY=VALUE",
                "Set a kernel parameter of the container's own namespaces",
                [&create](std::string_view text) {
                    auto [key, value] = engine::parse_sysctl_flag(text);
                    create.options.sysctls.insert_or_assign(std::move(key), std::move(value));
                })
        .repeatable()
        .explain(
            "Only kernel.msg*, kernel.sem, kernel.shm*, kernel.domainname, fs.mqueue.* and "
            "net.* belong to a container.");
}

void check_security(const engine::SecurityOptions& security) {
    for (const auto& option : security.selinux_options) {
        if (option != "disable" && cli::selinux_is_enabled()) {
            throw Error(ErrorKind::unsupported,
                        "--security-opt label={}: SELinux labels are not supported by nau yet",
                        option)
                .with_hint("label=disable runs the container without");
        }
    }
}

}  // namespace nau::subcommands
