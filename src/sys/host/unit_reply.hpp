// What systemd answers about a unit, as a message of D-Bus (org.freedesktop.systemd1(5)).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "sys/host/service_manager.hpp"

#include <systemd/sd-bus.h>

#include <memory>
#include <string>
#include <vector>

namespace sealmount {

struct BusMessageEnd {
    void operator()(::sd_bus_message* const message) const { ::sd_bus_message_unref(message); }
};
using BusMessage = std::unique_ptr<::sd_bus_message, BusMessageEnd>;

struct UnitReply {
    UnitState state;
    std::string job_path{}; ///< the object of the unit's job; "" where none is queued
};

/// Reads the answer to GetAll ("a{sv}"): the properties that UnitState has, whatever else is there. Throws
/// Error{unavailable} when one of them is of another type than documented.
[[nodiscard]] UnitReply read_unit(::sd_bus_message* reply, const std::string& unit);

/// The next member of a message, of the type "as".
[[nodiscard]] std::vector<std::string> read_texts(::sd_bus_message* message);

} // namespace sealmount
