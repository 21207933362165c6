#include "engine/engine.h"

#include "config/registries_conf.h"
#include "config/settings.h"
#include "engine/store/probe_overlay.h"
#include "engine/store/upkeep.h"
#include "storage/store.h"

namespace nau::engine {

Engine::Engine(EngineOptions options) : options_(std::move(options)) {}

Engine::~Engine() {
    // Here and not in the verbs, so that none of them can forget it.
    if (store_ && store_->access() == storage::Access::write && store_->needs_upkeep()) {
        start_upkeep(*this);
    }
}

const config::RegistriesConf& Engine::registries_conf() {
    if (!registries_conf_) {
        registries_conf_ = std::make_unique<config::RegistriesConf>(
            config::load_registries_conf(config::read_environment()));
    }
    return *registries_conf_;
}

storage::Store& Engine::open_store(storage::Access access) {
    if (!store_) {
        store_ = std::make_unique<storage::Store>(
            storage::Store::open({.graph_root = options_.graph_root,
                                  .run_root = options_.run_root,
                                  .access = access,
                                  .clock = clock_,
                                  .driver = storage::parse_driver(options_.storage_driver),
                                  .why_no_overlay = why_no_overlay,
                                  .rescues_database = !leaves_damage_,
                                  .additional_stores = options_.additional_image_stores}));
    } else if (access == storage::Access::write) {
        store_->ensure_writable();
    }
    return *store_;
}

void Engine::close_store() noexcept {
    store_.reset();
}

storage::Store& Engine::store_for_reading() {
    return open_store(storage::Access::read);
}

storage::Store& Engine::store_for_writing() {
    return open_store(storage::Access::write);
}

}  // namespace nau::engine
