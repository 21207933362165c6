#pragma once

// `nau metrics`: what Prometheus wants to know. Containers under cAdvisor's names and labels, so
// that its dashboards work; the store and the engine as nau_*.

#include <filesystem>
#include <string>

namespace nau::engine {

class Engine;

/// The whole text, of this namespace. Takes no lock that a pull or a removal holds.
std::string metrics_text(Engine& engine);

/// For node_exporter's textfile collector: atomic, readable by all. @throws SysError
void write_metrics_file(const std::filesystem::path& path, const std::string& text);

/// Answers one request on a socket that the service manager passed: a listening one, of which one
/// connection is taken, or a connection. GET / and GET /metrics get the metrics.
/// @throws SysError; Error{timed_out} when the client does not say what it wants within ten seconds
void answer_http_request(Engine& engine, int socket);

}  // namespace nau::engine
