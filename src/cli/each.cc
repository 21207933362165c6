#include "cli/each.h"

#include <algorithm>

#include "cli/context.h"
#include "cli/error_report.h"

namespace nau::cli {

int for_each_object(Context& context,
                    std::span<const std::string> names,
                    const std::function<void(const std::string&)>& action,
                    int (*code)(const std::exception&)) {
    int worst = 0;
    for (const std::string& name : names) {
        try {
            action(name);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::interrupted) {
                throw;
            }
            context.out().flush();  // what came before the error stands before it
            report_error(error);
            worst = std::max(worst, code(error));
        }
    }
    return worst;
}

}  // namespace nau::cli
