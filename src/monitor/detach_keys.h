#pragma once

// Keys that leave a container without ending it, such as ctrl-p,ctrl-q. Only what is typed on a
// terminal is looked at.

#include <string>
#include <string_view>

namespace nau::monitor {

class DetachKeys {
  public:
    /// "ctrl-p,ctrl-q": single characters, or ctrl- and one of a-z @ [ \ ] ^ _. "" means none.
    /// @throws Error{invalid}
    static DetachKeys parse(std::string_view text);

    struct Result {
        /// What the container gets. Keys that may begin the sequence are held back, and come with
        /// later ones if they do not.
        std::string pass_on;
        bool detached = false;
    };
    Result feed(std::string_view typed);

  private:
    std::string sequence_;
    std::string held_;  ///< a beginning of sequence_
};

}  // namespace nau::monitor
