// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/service_manager.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/host/program.hpp"
#include "sys/host/unit_reply.hpp"

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace sealmount {

namespace {

constexpr const char* manager_name = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";
constexpr const char* job_interface = "org.freedesktop.systemd1.Job";
/// systemd's own socket, for root: there from the first moment on, also where no bus runs.
constexpr const char* private_address = "unix:path=/run/systemd/private";
constexpr std::chrono::microseconds answer_limit = std::chrono::seconds{20};
constexpr const char* analyzer = "/usr/bin/systemd-analyze";

struct BusEnd {
    void operator()(::sd_bus* const bus) const { ::sd_bus_flush_close_unref(bus); }
};
using Bus = std::unique_ptr<::sd_bus, BusEnd>;

/// An error that a method returned; freed at the end.
class BusError {
  public:
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { ::sd_bus_error_free(&error_); }

    [[nodiscard]] ::sd_bus_error* out() { return &error_; }
    [[nodiscard]] std::string text(const int result) const {
        return error_.message != nullptr ? error_.message : std::generic_category().message(-result);
    }

  private:
    ::sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

[[noreturn]] void fail_to_ask(const std::string& why) {
    throw Error{Reason::unavailable, formatted("systemd cannot be asked: {}", why)};
}

/// Connected to systemd itself, or nothing.
Bus private_bus() {
    ::sd_bus* raw = nullptr;
    if (::geteuid() != 0 || ::sd_bus_new(&raw) < 0) {
        return nullptr;
    }
    Bus bus{raw};
    const bool is_connected =
        ::sd_bus_set_address(bus.get(), private_address) >= 0 && ::sd_bus_start(bus.get()) >= 0;
    return is_connected ? std::move(bus) : nullptr;
}

Bus bus_to_systemd() {
    Bus bus = private_bus();
    if (!bus) {
        ::sd_bus* raw = nullptr;
        if (const int result = ::sd_bus_open_system(&raw); result < 0) {
            fail_to_ask(std::generic_category().message(-result));
        }
        bus.reset(raw);
    }
    ::sd_bus_set_method_call_timeout(bus.get(), static_cast<std::uint64_t>(answer_limit.count()));
    return bus;
}

/// The path of a unit's object; loads the unit where it is not.
std::string object_of(::sd_bus* const bus, const std::string& unit) {
    BusError error;
    ::sd_bus_message* raw = nullptr;
    const int result = ::sd_bus_call_method(bus, manager_name, manager_path, manager_interface, "LoadUnit",
                                            error.out(), &raw, "s", unit.c_str());
    const BusMessage reply{raw};
    const char* path = nullptr;
    if (result < 0 || ::sd_bus_message_read_basic(reply.get(), 'o', static_cast<void*>(&path)) <= 0) {
        fail_to_ask(formatted("{}: {}", unit, error.text(result)));
    }
    return path;
}

/// "start (waiting)"; "" when the job has ended meanwhile.
std::string describe_job(::sd_bus* const bus, const std::string& path) {
    const auto text_of = [&](const char* const property) {
        BusError error;
        char* text = nullptr;
        if (::sd_bus_get_property_string(bus, manager_name, path.c_str(), job_interface, property,
                                         error.out(), &text) < 0) {
            return std::string{};
        }
        std::string copy{text};
        std::free(text);
        return copy;
    };
    const std::string type = text_of("JobType");
    const std::string state = text_of("State");
    return type.empty() || state.empty() ? std::string{} : formatted("{} ({})", type, state);
}

UnitState state_of(::sd_bus* const bus, const std::string& unit) {
    const std::string path = object_of(bus, unit);
    BusError error;
    ::sd_bus_message* raw = nullptr;
    // An empty interface: the properties of all of them, as "systemctl show" asks.
    const int result =
        ::sd_bus_call_method(bus, manager_name, path.c_str(), "org.freedesktop.DBus.Properties", "GetAll",
                             error.out(), &raw, "s", "");
    const BusMessage reply{raw};
    if (result < 0) {
        fail_to_ask(formatted("{}: {}", unit, error.text(result)));
    }
    UnitReply read = read_unit(reply.get(), unit);
    if (!read.job_path.empty()) {
        read.state.job = describe_job(bus, read.job_path);
    }
    return std::move(read.state);
}

std::vector<std::string> unit_path_of(::sd_bus* const bus) {
    BusError error;
    ::sd_bus_message* raw = nullptr;
    const int result = ::sd_bus_get_property(bus, manager_name, manager_path, manager_interface, "UnitPath",
                                             error.out(), &raw, "as");
    const BusMessage reply{raw};
    if (result < 0) {
        fail_to_ask(error.text(result));
    }
    return read_texts(reply.get());
}

/// As to_string(), with what a unit file would expand written so that it does not.
std::string for_unit_file(const UnitCondition& condition) {
    std::string escaped;
    for (const char c : to_string(condition)) {
        escaped.append(c == '%' ? 2 : 1, c);
    }
    return escaped;
}

} // namespace

ServiceManagerReport ask_service_manager(const std::vector<std::string>& units) {
    const Bus bus = bus_to_systemd();
    ServiceManagerReport report{.units = {}, .unit_path = unit_path_of(bus.get())};
    for (const std::string& unit : units) {
        report.units.push_back(state_of(bus.get(), unit));
    }
    return report;
}

std::string to_string(const UnitCondition& condition) {
    return formatted("{}={}{}{}", condition.type, condition.is_trigger ? "|" : "",
                     condition.is_negated ? "!" : "", condition.parameter);
}

bool conditions_hold(const std::vector<UnitCondition>& conditions) {
    if (conditions.empty()) {
        return true;
    }
    if (!is_executable(analyzer)) {
        throw Error{Reason::unavailable, formatted("{} is not there", analyzer)};
    }
    std::vector<std::string> arguments = {"systemd-analyze", "condition"};
    for (const UnitCondition& condition : conditions) {
        arguments.push_back(for_unit_file(condition));
    }
    const ProgramOutput output = run_program(analyzer, arguments);
    // 1 both for a condition that does not hold and for one that it does not know: neither lets a unit start.
    return output.succeeded();
}

} // namespace sealmount
