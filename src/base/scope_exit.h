#pragma once

// Runs an action when the scope ends, unless released: for the one-off undo that deserves no type.

#include <type_traits>
#include <utility>

namespace nau {

template <typename Action>
class [[nodiscard]] ScopeExit {
  public:
    static_assert(std::is_nothrow_invocable_v<Action>, "what runs in a destructor must not throw");

    explicit ScopeExit(Action action) : action_(std::move(action)) {}
    ~ScopeExit() {
        if (active_) {
            action_();
        }
    }
    ScopeExit(const ScopeExit&) = delete;
    ScopeExit& operator=(const ScopeExit&) = delete;
    ScopeExit(ScopeExit&&) = delete;
    ScopeExit& operator=(ScopeExit&&) = delete;

    void release() noexcept { active_ = false; }

  private:
    Action action_;
    bool active_ = true;
};

}  // namespace nau
