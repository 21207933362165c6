#pragma once

// What a registry says when it refuses, turned into what a user understands.
// distribution-spec v1.1, Error Codes.

#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/registry/http.h"

namespace nau::oci {

/// The first entry of the error body ("manifest unknown"), made printable and cut to a line; the
/// status ("status 502") when the body is not of the spec.
std::string describe_failure(const HttpResponse& response);

/// The error for a response that is no success. `object` is what was asked for and begins the text
/// ("image 'alpine:nosuch'"), `registry` is the name for a login.
Error failure_error(const HttpResponse& response,
                    std::string_view object,
                    std::string_view registry);

}  // namespace nau::oci
