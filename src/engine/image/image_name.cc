#include "engine/image/image_name.h"

#include "base/error.h"

namespace nau::engine {

std::string nameless_record(const oci::Digest& image_id) {
    return image_id.to_string();
}

bool is_nameless(std::string_view record_name) noexcept {
    return oci::Digest::try_parse(record_name).has_value();
}

std::optional<oci::Reference> reference_of_record(const std::string& record_name) {
    if (is_nameless(record_name)) {
        return std::nullopt;
    }
    return oci::parse_reference(record_name);
}

ShownName shown_name(const std::string& record_name) {
    const auto reference = reference_of_record(record_name);
    if (!reference) {
        return {.repository = "<none>", .tag = "<none>"};
    }
    return {.repository = reference->name(), .tag = reference->tag().value_or("<none>")};
}

std::optional<oci::Reference> reference_from_archive(const std::string& name) {
    if (name.empty() || is_nameless(name)) {
        return std::nullopt;
    }
    const bool is_word = name.find_first_of("/:@") == name.npos;
    try {
        return oci::parse_reference(is_word ? "localhost/" + name : name);
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace nau::engine
