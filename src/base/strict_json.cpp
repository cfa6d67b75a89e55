// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/strict_json.hpp"

#include "base/error.hpp"
#include "base/format.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace sealmount {

namespace {

/// "LINE:COLUMN" of a byte offset that the parser names (1-based, just behind the offending byte).
std::string place_of(const std::string_view text, const std::size_t offset) {
    const std::string_view before = text.substr(0, offset == 0 ? 0 : offset - 1);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t start = before.rfind('\n');
    const std::size_t column = start == std::string_view::npos ? before.size() + 1 : before.size() - start;
    return formatted("{}:{}", line, column);
}

/// The parser's own message without its "[json.exception...]" head and its position, which we give as line
/// and column.
std::string plain_message(const std::string_view what) {
    const std::size_t at = what.find(": ");
    return std::string{at == std::string_view::npos ? what : what.substr(at + 2)};
}

std::string_view between_quotes(const std::string_view text) {
    const std::size_t begin = text.find('\'') + 1;
    return text.substr(begin, text.rfind('\'') - begin);
}

/// A member of the object that is being read. The library, and ObjectReader, look for a member by going
/// through all of its object: one with a hundred thousand would take a minute.
void note_member(std::set<std::string>& members, const std::string& name,
                 std::optional<std::string>& repeated) {
    if (!members.insert(name).second) {
        repeated = name;
    } else if (members.size() > most_members) {
        throw Error{Reason::config, formatted("an object has more than {} members", most_members)};
    }
}

} // namespace

Json parse_json(const std::string_view text) {
    std::vector<std::set<std::string>> members;
    std::optional<std::string> repeated;
    const auto watch = [&](int, const Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) {
            members.emplace_back();
        } else if (event == Json::parse_event_t::object_end) {
            members.pop_back();
        } else if (event == Json::parse_event_t::key) {
            note_member(members.back(), parsed.get_ref<const std::string&>(), repeated);
        }
        return true;
    };
    Json value;
    try {
        value = Json::parse(text.begin(), text.end(), watch);
    } catch (const Json::parse_error& error) {
        throw Error{Reason::config,
                    formatted("{}: not JSON: {}", place_of(text, error.byte), plain_message(error.what()))};
    } catch (const Json::out_of_range& error) { // of a number; it says which and not where
        const std::size_t place = text.find(between_quotes(error.what()));
        throw Error{Reason::config, formatted("{}: the number is larger than any that can be read",
                                              place_of(text, place + 1))};
    }
    if (repeated) {
        throw Error{Reason::config, formatted("the member \"{}\" appears twice in one object", *repeated)};
    }
    return value;
}

ObjectReader::ObjectReader(const Json& value, std::string path) : value_(value), path_(std::move(path)) {
    if (!value.is_object()) {
        throw Error{Reason::config,
                    formatted("{}: must be an object", path_.empty() ? "the document" : path_)};
    }
    asked_.resize(value.size());
}

std::string ObjectReader::path_of(const std::string_view member) const {
    return path_.empty() ? std::string{member} : formatted("{}.{}", path_, member);
}

void ObjectReader::fail(const std::string_view member, const std::string_view message) const {
    throw Error{Reason::config, formatted("{}: {}", path_of(member), message)};
}

const Json* ObjectReader::find(const std::string_view member) {
    const auto& members = value_.get_ref<const Json::object_t&>();
    const auto found = std::ranges::find(members, member, &Json::object_t::value_type::first);
    if (found == members.end()) {
        return nullptr;
    }
    asked_[static_cast<std::size_t>(found - members.begin())] = true;
    return &found->second;
}

const Json& ObjectReader::require(const std::string_view member) {
    const Json* const found = find(member);
    if (found == nullptr) {
        fail(member, "is missing");
    }
    return *found;
}

std::string ObjectReader::string(const std::string_view member) {
    const Json& found = require(member);
    if (!found.is_string()) {
        fail(member, "must be a string");
    }
    return found.get<std::string>();
}

std::int64_t ObjectReader::integer(const std::string_view member) {
    const Json& found = require(member);
    const bool fits =
        found.is_number_integer() &&
        (!found.is_number_unsigned() ||
         found.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (!fits) {
        fail(member, "must be a whole number");
    }
    return found.get<std::int64_t>();
}

const Json& ObjectReader::object(const std::string_view member) {
    const Json& found = require(member);
    if (!found.is_object()) {
        fail(member, "must be an object");
    }
    return found;
}

const Json& ObjectReader::array(const std::string_view member) {
    const Json& found = require(member);
    if (!found.is_array()) {
        fail(member, "must be an array");
    }
    return found;
}

std::optional<std::string> ObjectReader::optional_string(const std::string_view member) {
    return find(member) == nullptr ? std::nullopt : std::optional{string(member)};
}

std::optional<std::int64_t> ObjectReader::optional_integer(const std::string_view member) {
    return find(member) == nullptr ? std::nullopt : std::optional{integer(member)};
}

std::optional<bool> ObjectReader::optional_boolean(const std::string_view member) {
    const Json* const found = find(member);
    if (found == nullptr) {
        return std::nullopt;
    }
    if (!found->is_boolean()) {
        fail(member, "must be true or false");
    }
    return found->get<bool>();
}

std::vector<std::string> ObjectReader::optional_strings(const std::string_view member) {
    if (find(member) == nullptr) {
        return {};
    }
    std::vector<std::string> texts;
    for (const Json& element : array(member)) {
        if (!element.is_string()) {
            fail(formatted("{}[{}]", member, texts.size()), "must be a string");
        }
        texts.push_back(element.get<std::string>());
    }
    return texts;
}

void ObjectReader::finish() const {
    const auto not_asked = std::ranges::find(asked_, false);
    if (not_asked != asked_.end()) {
        const auto member = value_.get_ref<const Json::object_t&>().begin() + (not_asked - asked_.begin());
        fail(member->first, "is not a known member");
    }
}

} // namespace sealmount
