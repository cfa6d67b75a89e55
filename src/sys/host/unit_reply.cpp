// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/unit_reply.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

namespace sealmount {

namespace {

/// What is not an error; throws otherwise.
int readable(const int result) {
    if (result < 0) {
        throw Error{Reason::unavailable, formatted("systemd's answer about a unit cannot be read: {}",
                                                   std::generic_category().message(-result))};
    }
    return result;
}

/// A container of a message, entered; false from has_more() at its end.
class Container {
  public:
    Container(::sd_bus_message* const message, const char type, const char* const contents)
        : message_(message),
          entered_(readable(::sd_bus_message_enter_container(message, type, contents)) > 0) {}
    Container(const Container&) = delete;
    Container& operator=(const Container&) = delete;
    ~Container() {
        if (entered_) {
            ::sd_bus_message_exit_container(message_);
        }
    }

    /// Is this one there at all? An array's next element, for example, may not be.
    [[nodiscard]] bool is_there() const { return entered_; }
    [[nodiscard]] bool has_more() const { return readable(::sd_bus_message_at_end(message_, 0)) == 0; }

  private:
    ::sd_bus_message* message_;
    bool entered_;
};

std::string read_text(::sd_bus_message* const message, const char type = 's') {
    const char* text = nullptr;
    readable(::sd_bus_message_read_basic(message, type, static_cast<void*>(&text)));
    return text != nullptr ? text : "";
}

bool read_flag(::sd_bus_message* const message) {
    int value = 0; // sd_bus_message_read_basic(3): a boolean is stored as an int
    readable(::sd_bus_message_read_basic(message, 'b', &value));
    return value != 0;
}

std::uint64_t read_number(::sd_bus_message* const message) {
    std::uint64_t value = 0;
    readable(::sd_bus_message_read_basic(message, 't', &value));
    return value;
}

void append(std::vector<std::string>& list, std::vector<std::string> more) {
    list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// "a(sbbsi)": type, trigger, negated, parameter, and what came of it.
void read_conditions(::sd_bus_message* const message, std::vector<UnitCondition>& conditions) {
    const Container list{message, 'a', "(sbbsi)"};
    while (list.has_more()) {
        const Container one{message, 'r', "sbbsi"};
        UnitCondition condition;
        condition.type = read_text(message);
        condition.is_trigger = read_flag(message);
        condition.is_negated = read_flag(message);
        condition.parameter = read_text(message);
        readable(::sd_bus_message_skip(message, "i"));
        conditions.push_back(std::move(condition));
    }
}

/// "a(sasbttttuii)": path, arguments, whether a failure is ignored, times and how it ended.
void read_commands(::sd_bus_message* const message, const bool is_start, std::vector<UnitCommand>& commands) {
    const Container list{message, 'a', "(sasbttttuii)"};
    while (list.has_more()) {
        const Container one{message, 'r', "sasbttttuii"};
        UnitCommand command;
        command.program = read_text(message);
        command.arguments = read_texts(message);
        readable(::sd_bus_message_skip(message, "bttttuii"));
        command.is_start = is_start;
        commands.push_back(std::move(command));
    }
}

/// "(uo)": the number of a job, 0 for none, and its object.
std::string read_job(::sd_bus_message* const message) {
    const Container pair{message, 'r', "uo"};
    std::uint32_t number = 0;
    readable(::sd_bus_message_read_basic(message, 'u', &number));
    const std::string path = read_text(message, 'o');
    return number == 0 ? std::string{} : path;
}

/// "(ss)": the name of an error and its sentence.
std::string read_load_error(::sd_bus_message* const message) {
    const Container pair{message, 'r', "ss"};
    static_cast<void>(read_text(message));
    return read_text(message);
}

/// One property: its type, and what to do with its value.
struct Property {
    std::string_view name;
    const char* type;
    void (*read)(::sd_bus_message* message, UnitReply& reply);
};

/// Whether the conditions, or the assertions, were looked at at all; 0 when not.
void read_check_time(::sd_bus_message* const message, UnitReply& reply) {
    reply.state.was_checked = read_number(message) != 0 || reply.state.was_checked;
}

void read_pulled_in_by(::sd_bus_message* const message, UnitReply& reply) {
    append(reply.state.pulled_in_by, read_texts(message));
}

void read_pulls_in(::sd_bus_message* const message, UnitReply& reply) {
    append(reply.state.pulls_in, read_texts(message));
}

void read_check_result(::sd_bus_message* const message, UnitReply& reply) {
    reply.state.conditions_held = read_flag(message) && reply.state.conditions_held;
}

void read_unit_conditions(::sd_bus_message* const message, UnitReply& reply) {
    read_conditions(message, reply.state.conditions);
}

void read_start(::sd_bus_message* const message, UnitReply& reply) {
    read_commands(message, true, reply.state.commands);
}

void read_stop(::sd_bus_message* const message, UnitReply& reply) {
    read_commands(message, false, reply.state.commands);
}

constexpr const char* commands_type = "a(sasbttttuii)";
constexpr const char* conditions_type = "a(sbbsi)";

constexpr std::array properties = {
    Property{"LoadState", "s", [](auto* m, UnitReply& reply) { reply.state.load_state = read_text(m); }},
    Property{"LoadError", "(ss)",
             [](auto* m, UnitReply& reply) { reply.state.load_error = read_load_error(m); }},
    Property{"ActiveState", "s", [](auto* m, UnitReply& reply) { reply.state.active_state = read_text(m); }},
    Property{"Result", "s", [](auto* m, UnitReply& reply) { reply.state.result = read_text(m); }},
    Property{"FragmentPath", "s",
             [](auto* m, UnitReply& reply) { reply.state.fragment_path = read_text(m); }},
    Property{"SourcePath", "s", [](auto* m, UnitReply& reply) { reply.state.source_path = read_text(m); }},
    Property{"DropInPaths", "as", [](auto* m, UnitReply& reply) { reply.state.drop_ins = read_texts(m); }},
    Property{"WantedBy", "as", read_pulled_in_by},
    Property{"RequiredBy", "as", read_pulled_in_by},
    Property{"BoundBy", "as", read_pulled_in_by},
    Property{"UpheldBy", "as", read_pulled_in_by},
    Property{"TriggeredBy", "as", read_pulled_in_by},
    Property{"Wants", "as", read_pulls_in},
    Property{"Requires", "as", read_pulls_in},
    Property{"BindsTo", "as", read_pulls_in},
    Property{"After", "as", [](auto* m, UnitReply& reply) { reply.state.starts_after = read_texts(m); }},
    Property{"NeedDaemonReload", "b",
             [](auto* m, UnitReply& reply) { reply.state.needs_reload = read_flag(m); }},
    Property{"Job", "(uo)", [](auto* m, UnitReply& reply) { reply.job_path = read_job(m); }},
    Property{"ActiveEnterTimestampMonotonic", "t",
             [](auto* m, UnitReply& reply) { reply.state.active_since = read_number(m); }},
    Property{"ConditionTimestampMonotonic", "t", read_check_time},
    Property{"ConditionResult", "b", read_check_result},
    Property{"AssertResult", "b", read_check_result},
    Property{"Conditions", conditions_type, read_unit_conditions},
    Property{"Asserts", conditions_type, read_unit_conditions},
    Property{"ExecStart", commands_type, read_start},
    Property{"ExecStop", commands_type, read_stop},
    Property{"ExecStopPost", commands_type, read_stop},
    Property{"What", "s", [](auto* m, UnitReply& reply) { reply.state.mount["What"] = read_text(m); }},
    Property{"Where", "s", [](auto* m, UnitReply& reply) { reply.state.mount["Where"] = read_text(m); }},
    Property{"Type", "s", [](auto* m, UnitReply& reply) { reply.state.mount["Type"] = read_text(m); }},
};

void read_property(::sd_bus_message* const message, const std::string_view name, const bool is_mount,
                   UnitReply& reply) {
    const auto* const property = std::ranges::find(properties, name, &Property::name);
    // A mount's ExecMount and ExecUnmount are systemd's own; a service has a Type as well.
    if (property == properties.end() || (name == "Type" && !is_mount)) {
        readable(::sd_bus_message_skip(message, "v"));
        return;
    }
    const Container value{message, 'v', property->type};
    property->read(message, reply);
}

} // namespace

std::vector<std::string> read_texts(::sd_bus_message* const message) {
    std::vector<std::string> texts;
    const Container list{message, 'a', "s"};
    while (list.has_more()) {
        texts.push_back(read_text(message));
    }
    return texts;
}

UnitReply read_unit(::sd_bus_message* const message, const std::string& unit) {
    UnitReply reply{.state = {.name = unit, .load_state = {}}};
    const bool is_mount = unit.ends_with(".mount");
    const Container list{message, 'a', "{sv}"};
    while (list.has_more()) {
        const Container entry{message, 'e', "sv"};
        const std::string name = read_text(message);
        read_property(message, name, is_mount, reply);
    }
    // What nobody looked at did not fail either.
    reply.state.conditions_held = reply.state.conditions_held || !reply.state.was_checked;
    return reply;
}

} // namespace sealmount
