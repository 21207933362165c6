#pragma once

// One object per command file; commands.cc puts them in the table.

#include "cli/command.h"

namespace nau::subcommands {

// container/
extern const cli::Command attach;
extern const cli::Command cleanup;
extern const cli::Command commit;
extern const cli::Command container_diff;
extern const cli::Command container_exists;
extern const cli::Command container_prune;
extern const cli::Command cp;
extern const cli::Command create;
extern const cli::Command diff;
extern const cli::Command exec;
extern const cli::Command export_command;
extern const cli::Command init;
extern const cli::Command healthcheck_run;
extern const cli::Command kill;
extern const cli::Command logs;
extern const cli::Command mount;
extern const cli::Command pause;
extern const cli::Command port;
extern const cli::Command ps;
extern const cli::Command rename;
extern const cli::Command restart;
extern const cli::Command rm;
extern const cli::Command run_command;
extern const cli::Command start;
extern const cli::Command stats;
extern const cli::Command stop;
extern const cli::Command top;
extern const cli::Command unmount;
extern const cli::Command unpause;
extern const cli::Command update;
extern const cli::Command wait;
extern const cli::Command why;

// image/
extern const cli::Command history;
extern const cli::Command image_diff;
extern const cli::Command image_exists;
extern const cli::Command image_mount;
extern const cli::Command image_prune;
extern const cli::Command image_tree;
extern const cli::Command image_unmount;
extern const cli::Command images;
extern const cli::Command import_command;
extern const cli::Command load;
extern const cli::Command pull;
extern const cli::Command rmi;
extern const cli::Command save;
extern const cli::Command tag;
extern const cli::Command untag;

// secret/
extern const cli::Command secret_create;
extern const cli::Command secret_exists;
extern const cli::Command secret_inspect;
extern const cli::Command secret_ls;
extern const cli::Command secret_rm;

// network/
extern const cli::Command network_check;
extern const cli::Command network_connect;
extern const cli::Command network_create;
extern const cli::Command network_disconnect;
extern const cli::Command network_exists;
extern const cli::Command network_inspect;
extern const cli::Command network_ls;
extern const cli::Command network_prune;
extern const cli::Command network_reload;
extern const cli::Command network_rm;

// volume/
extern const cli::Command volume_create;
extern const cli::Command volume_exists;
extern const cli::Command volume_export;
extern const cli::Command volume_import;
extern const cli::Command volume_inspect;
extern const cli::Command volume_ls;
extern const cli::Command volume_prune;
extern const cli::Command volume_rm;

// system/
extern const cli::Command system_boot;
extern const cli::Command container_inspect;
extern const cli::Command dump_commands;
extern const cli::Command events;
extern const cli::Command fsck;
extern const cli::Command gc;
extern const cli::Command image_inspect;
extern const cli::Command info;
extern const cli::Command inspect;
extern const cli::Command system_check;
extern const cli::Command system_df;
extern const cli::Command system_prune;
extern const cli::Command upkeep;
extern const cli::Command version;

// content/, snapshot/, namespace/, bundle/
extern const cli::Command bundle_create;
extern const cli::Command content_fetch;
extern const cli::Command content_get;
extern const cli::Command content_ls;
extern const cli::Command content_rm;
extern const cli::Command lease_ls;
extern const cli::Command lease_rm;
extern const cli::Command namespace_create;
extern const cli::Command namespace_ls;
extern const cli::Command namespace_rm;
extern const cli::Command snapshot_ls;
extern const cli::Command snapshot_mounts;
extern const cli::Command snapshot_rm;
extern const cli::Command snapshot_tree;
extern const cli::Command snapshot_usage;

// runtime/
extern const cli::Command runtime_create;
extern const cli::Command runtime_delete;
extern const cli::Command runtime_events;
extern const cli::Command runtime_exec;
extern const cli::Command runtime_features;
extern const cli::Command runtime_kill;
extern const cli::Command runtime_list;
extern const cli::Command runtime_pause;
extern const cli::Command runtime_ps;
extern const cli::Command runtime_resume;
extern const cli::Command runtime_run;
extern const cli::Command runtime_spec;
extern const cli::Command runtime_start;
extern const cli::Command runtime_state;
extern const cli::Command runtime_update;

}  // namespace nau::subcommands
