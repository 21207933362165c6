#pragma once

// A monitor of ordinary processes (process_launcher.h) and its client, in a directory of its own.

#include <fcntl.h>
#include <string>
#include <thread>

#include "logs/reader.h"
#include "monitor/client.h"
#include "sys/file.h"
#include "sys/pipe.h"
#include "tests/support/temp_dir.h"

namespace nau::test {

class MonitorFixture {
  public:
    explicit MonitorFixture(const std::string& script) {
        sys::mkdir(run_dir(), 0700);
        config.id = "0123456789ab";
        config.name = "box";
        config.image = "test";
        config.run_dir = run_dir();
        config.spec_text = script;
        config.log.path = log_path();
        config.journal_path = dir_.file("journal.jsonl");
        config.cleanup_command = {"nau", "cleanup", cleanup_trace()};
    }

    std::string run_dir() const { return dir_.file("run"); }
    std::string log_path() const { return dir_.file("container.log"); }
    std::string cleanup_trace() const { return dir_.file("cleaned-up"); }
    std::string file(const std::string& name) const { return dir_.file(name); }

    static monitor::MonitorClient spawn() {
        const sys::UniqueFd self = sys::open("/proc/self/exe", O_PATH);
        return monitor::MonitorClient::spawn(self.get(), monitor::MonitorKind::container);
    }
    monitor::MonitorClient start(const monitor::StartFds& fds = {}) {
        monitor::MonitorClient client = spawn();
        client.send_start(config, fds);
        reply = client.wait_started();
        return client;
    }

    /// What the foreground sees.
    struct Seen {
        std::string out;
        std::string err;
        monitor::AttachResult result;
    };
    /// Runs to the end with output to files.
    Seen run_foreground(monitor::AttachOptions options = {}) {
        const sys::UniqueFd out = sys::open(file("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        const sys::UniqueFd err = sys::open(file("err"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        options.output = out.get();
        options.error_output = err.get();
        monitor::AttachSession session(options);
        monitor::MonitorClient client = start();
        Seen seen;
        seen.result = session.run(client.channel());
        wait_for_monitor(client);
        seen.out = read("out");
        seen.err = read("err");
        return seen;
    }

    /// The monitor's own end, when everything it does is done.
    static void wait_for_monitor(monitor::MonitorClient& client) {
        (void)client.release_channel();
        (void)sys::wait_ended(client.monitor_pidfd(), std::chrono::seconds(30));
    }

    std::string read(const std::string& name) const {
        return sys::read_file(file(name), 1U << 30U);
    }

    /// What `nau logs` gives: both streams in one.
    std::string log_text() const {
        std::string text;
        logs::read_log(log_path(), {}, [&](const logs::Entry& entry) {
            text += entry.record.text;
            text += entry.record.is_partial ? "" : "\n";
            return true;
        });
        return text;
    }

    monitor::MonitorConfig config;
    monitor::StartReply reply;

  private:
    TempDir dir_;
};

}  // namespace nau::test
