// The journal and the service manager, by their sockets: systemd documents both protocols as stable
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL and sd_notify(3)), and libsystemd costs more than an unlock.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include <string>
#include <string_view>

namespace sealmount {

/// One message with its fields, in the order in which they are added.
class JournalRecord {
  public:
    void add(std::string_view field, std::string_view value);

    /// The bytes of the native protocol.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    /// To the journal's socket; a message that is too long for it goes as a sealed memory file. False when
    /// the journal did not take it.
    [[nodiscard]] bool send() const noexcept;

  private:
    std::string text_;
};

/// Did the service manager connect us to the journal (systemd.exec(5), JOURNAL_STREAM)?
[[nodiscard]] bool is_service_of_systemd() noexcept;

/// The state that `systemctl status` shows (sd_notify(3), STATUS=); nothing happens outside a service.
void notify_status(std::string_view status);

} // namespace sealmount
