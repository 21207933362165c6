#pragma once

// Where a container's output is kept: what was asked for, checked, and what its monitor is told.
// Internal to the engine; container_logs.h reads.

#include <string>
#include <string_view>

#include "engine/container/container_config.h"
#include "engine/container/run_container.h"
#include "monitor/config.h"
#include "storage/store.h"

namespace nau::engine {

/// @throws Error{invalid} when the driver has no such option, the tag no such markup, or the driver
/// does not go with a terminal
void check_log_options(const CreateOptions& options);

/// k8s-file, json-file.
bool is_log_file_driver(std::string_view driver) noexcept;

/// Makes the directory of the file, and replaces docker's markup ({{.Name}}, {{.ID}} …) in the tag.
monitor::LogConfig make_log_config(const storage::Paths& paths,
                                   const storage::Container& record,
                                   const ContainerConfig& config);

/// The container has the streams of whoever starts it, and nobody can attach.
bool passes_streams_through(const ContainerConfig& config) noexcept;
/// @throws Error{invalid} when one of the streams is a terminal and that was not asked for
void check_own_streams(const ContainerConfig& config);
/// What is left for the foreground to connect.
AttachOptions without_passed_streams(const ContainerConfig& config, AttachOptions attach);

/// @throws Error{unsupported}, saying where else to look, when there is no file to read
void check_log_is_kept(const ContainerConfig& config,
                       const storage::ContainerId& id,
                       const std::string& name);

/// A sentence about output that could not be kept; empty when all is there. @throws SysError
std::string describe_log_loss(storage::Store& store, const storage::ContainerId& id);

}  // namespace nau::engine
