// One binary, several processes: which of them am I? Then hand over.

#include "monitor/main.h"

#include <exception>
#include <string_view>
#include <vector>

#include "cli/app.h"
#include "network/keeper.h"
#include "network/keeper_guard.h"
#include "subcommands/commands.h"
#include "subcommands/runtime/app.h"
#include "sys/process.h"

namespace {

constexpr int kFailed = 125;

}  // namespace

int main(int argc, char** argv) {
    using std::string_view_literals::operator""sv;
    try {
        nau::sys::ensure_standard_fds();
    } catch (const std::exception&) {
        return kFailed;  // there is nowhere to say why
    }
    // Monitor and keeper live as long as containers do: they must not have touched anything of the
    // command line, the settings or the database.
    if (argc > 1 && argv[1] == "monitor"sv) {
        return nau::monitor::monitor_main(argc, argv);
    }
    if (argc > 1 && argv[1] == std::string_view(nau::network::kKeeperCommand)) {
        return nau::network::keeper_main(argc, argv);
    }
    if (argc > 1 && argv[1] == std::string_view(nau::network::kKeeperGuardCommand)) {
        return nau::network::keeper_guard_main(argc, argv);
    }
    const std::string_view path = argc > 0 ? argv[0] : "";
    if (nau::subcommands::runtime::is_runtime_name(path.substr(path.rfind('/') + 1))) {
        return nau::subcommands::runtime::run_app({argv + 1, static_cast<size_t>(argc - 1)});
    }
    if (argc > 1 && argv[1] == "runtime"sv) {
        return nau::subcommands::runtime::run_app({argv + 2, static_cast<size_t>(argc - 2)});
    }
    std::vector<const char*> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    if (path.ends_with("/nau-generator") || path == "nau-generator") {  // systemd.generator(7)
        words.insert(words.begin(), {"unit", "generate"});
    }
    return nau::cli::run_app(nau::subcommands::commands(), words);
}
