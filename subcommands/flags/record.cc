// What nau notes of a container: its name, its labels, the files that tell its numbers.

#include "base/error.h"
#include "base/parse.h"
#include "cli/files.h"
#include "engine/container/container_name.h"
#include "subcommands/flags/create_flags.h"
#include "subcommands/flags/registry.h"

namespace nau::subcommands {

namespace {

void add_annotation(std::string_view text, std::map<std::string, std::string>& annotations) {
    const auto pair = split_once(text, '=');
    if (!pair || pair->first.empty()) {
        throw Error(ErrorKind::invalid, "is not KEY=VALUE");
    }
    annotations.insert_or_assign(std::string(pair->first), std::string(pair->second));
}

void add_label(std::string_view text, std::map<std::string, std::string>& labels) {
    const auto pair = split_once(text, '=');
    labels.insert_or_assign(std::string(pair ? pair->first : text),
                            std::string(pair ? pair->second : ""));
}

}  // namespace

void declare_record_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& options = create.options;
    flags.parsed("--name",
                 "NAME",
                 "Name the container; otherwise a name is made up",
                 [&options](std::string_view text) {
                     engine::check_container_name(text);
                     options.name = text;
                 });
    flags.toggle("--replace",
                 "Remove a container that has the name already, even if it runs",
                 options.replaces);
    flags.toggle("--rm", "Remove the container when it ends", options.auto_remove);
    flags.toggle(
        "--rmi",
        "Remove the image as well when the container ends, unless it is used; implies --rm",
        options.removes_image);
    flags
        .parsed("--requires",
                "CONTAINER,...",
                "Start these containers before this one",
                [&options](std::string_view text) {
                    for (const std::string_view name : split(text, ',')) {
                        if (name.empty()) {
                            throw Error(ErrorKind::invalid, "has an empty name");
                        }
                        options.required_containers.emplace_back(name);
                    }
                })
        .repeatable()
        .completes(cli::Complete::container);
    flags
        .parsed("-l,--label",
                "KEY[=VALUE]",
                "Attach a label to the container",
                [&create](std::string_view text) {
                    if (text.empty() || text.front() == '=') {
                        throw Error(ErrorKind::invalid, "has no key");
                    }
                    create.labels.emplace_back(text);
                })
        .repeatable();
    flags
        .list("--label-file",
              "FILE",
              "Attach the labels that the lines of a file name",
              create.label_files)
        .completes(cli::Complete::file);
    flags
        .parsed("--annotation",
                "KEY=VALUE",
                "Attach an annotation to the runtime specification",
                [&options](std::string_view text) { add_annotation(text, options.annotations); })
        .repeatable();
    flags
        .value("--pidfile",
               "FILE",
               "Write the process id of the first process to a file",
               options.pid_file)
        .completes(cli::Complete::file);
    flags
        .value("--conmon-pidfile",
               "FILE",
               "Write the process id of the container's monitor to a file",
               options.monitor_pid_file)
        .completes(cli::Complete::file);
    flags.value("--cidfile", "FILE", "Write the container's id to a new file", create.cid_file)
        .completes(cli::Complete::file);
}

void read_labels(const CreateFlags& flags, std::map<std::string, std::string>& labels) {
    for (const std::string& path : flags.label_files) {
        for (const auto& [key, value] :
             engine::parse_env_lines(cli::read_option_file(path), path)) {
            labels.insert_or_assign(key, value.value_or(""));
        }
    }
    for (const std::string& label : flags.labels) {
        add_label(label, labels);
    }
}

void declare_image_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& options = create.options;
    flags.section("Image");
    flags
        .parsed(
            "--pull",
            "POLICY",
            "Pull the image first: always, missing, never, newer",
            [&options](std::string_view text) { options.pull = engine::parse_pull_policy(text); })
        .defaults_to("missing")
        .one_of({"always", "missing", "never", "newer"});
    declare_platform_flags(flags, create.platform);
    declare_registry_flags(flags, options.registry);
    declare_retry_flags(flags, options.registry);
    flags
        .toggle("--disable-content-trust",
                "Accepted for scripts written for docker",
                create.ignores_content_trust)
        .explain("Digests are checked in any case; signatures are not docker's content trust.");
    flags.toggle("-q,--quiet", "Do not show the progress of a pull", create.is_quiet);
}

void declare_log_flags(cli::FlagSet& flags, CreateFlags& create) {
    auto& log = create.options.log;
    flags.section("Log");
    flags
        .parsed("--log-driver",
                "DRIVER",
                "Keep what the container writes: k8s-file, json-file, journald, passthrough, none",
                [&log](std::string_view text) { log.driver = engine::parse_log_driver(text); })
        .defaults_to("k8s-file")
        .explain(
            "json-file has docker's format. journald sends each line to systemd's journal. "
            "passthrough keeps nothing: the container gets nau's own standard streams, which may "
            "not be a terminal; with passthrough-tty they may, and the container can type into "
            "it.");
    flags
        .parsed("--log-opt",
                "KEY=VALUE",
                "Set max-size, max-file, compress or tag of the log",
                [&log](std::string_view text) { engine::apply_log_opt(text, log); })
        .repeatable()
        .explain(
            "A log file that has reached max-size is rotated; max-file files are kept, the old "
            "ones compressed unless compress=false. nau.conf(5) sets the defaults. tag names the "
            "entries in the journal, and may have docker's {{.Name}}, {{.ID}}, {{.ImageName}} …");
}

}  // namespace nau::subcommands
