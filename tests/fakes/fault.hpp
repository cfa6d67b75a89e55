// Fault: makes one call of a fake fail, so that tests can walk through every place where something may fail.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <optional>

namespace sealmount::testing {

/// `after(n)` arms it: n calls succeed, the next one fails, those after it succeed again.
class Fault {
  public:
    void after(const unsigned calls) {
        left_ = calls;
        struck_ = false;
    }
    void disarm() { left_.reset(); }

    /// Whether the armed fault has happened; a walk is over when a story ends without.
    [[nodiscard]] bool struck() const { return struck_; }

    /// To be asked at each call; true when this one has to fail.
    [[nodiscard]] bool strikes() {
        if (!left_) {
            return false;
        }
        if (*left_ > 0) {
            --*left_;
            return false;
        }
        left_.reset();
        struck_ = true;
        return true;
    }

  private:
    std::optional<unsigned> left_;
    bool struck_ = false;
};

} // namespace sealmount::testing
