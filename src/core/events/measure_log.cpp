// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/measure_log.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "sys/tpm/digest.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace sealmount {

namespace {

constexpr char record_separator = '\x1e';

std::string string_or_empty(const Json& object, const char* const member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// Why a record cannot be used; the caller adds where it is.
struct Unusable {
    std::string why;
};

BankDigests digests_of(const Json& record) {
    const auto list = record.find("digests");
    if (list == record.end() || !list->is_array()) {
        throw Unusable{"does not have a list of digests"};
    }
    BankDigests digests;
    for (const Json& entry : *list) {
        if (!entry.is_object()) {
            throw Unusable{"one of the digests is not an object"};
        }
        const auto bank = bank_named(string_or_empty(entry, "hashAlg"));
        if (!bank) {
            continue;
        }
        const auto value = from_hex(string_or_empty(entry, "digest"));
        if (!value || value->size() != digest_size(*bank)) {
            throw Unusable{
                formatted("the {} digest must be {} hex digits", to_string(*bank), 2 * digest_size(*bank))};
        }
        digests.emplace(*bank, *value);
    }
    return digests;
}

/// Nothing when the record is not about a PCR but, in later versions, about an NV index.
std::optional<MeasureEvent> event_of(const std::string_view text) {
    Json record;
    try {
        record = parse_json(text);
    } catch (const Error& error) {
        throw Unusable{error.what()};
    }
    if (!record.is_object()) {
        throw Unusable{"is not a JSON object"};
    }
    const auto pcr = record.find("pcr");
    if (pcr == record.end()) {
        return std::nullopt;
    }
    if (!pcr->is_number_unsigned() || pcr->get<std::uint64_t>() >= pcr_count) {
        throw Unusable{"\"pcr\" must be a number from 0 to 23"};
    }
    MeasureEvent event;
    event.pcr = pcr->get<unsigned>();
    event.digests = digests_of(record);
    if (const auto content = record.find("content"); content != record.end() && content->is_object()) {
        event.kind = string_or_empty(*content, "eventType");
        event.string = string_or_empty(*content, "string");
    }
    return event;
}

} // namespace

MeasureLog parse_measure_log(std::string_view text, const std::string& file) {
    MeasureLog log{.file = file, .events = {}};
    unsigned number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find(record_separator);
        const std::string_view record = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (record.find_first_not_of(" \t\r\n") == std::string_view::npos) {
            continue; // before the first separator, or between two
        }
        ++number;
        try {
            if (auto event = event_of(record)) {
                event->number = number;
                log.events.push_back(std::move(*event));
            }
        } catch (const Unusable& unusable) {
            throw Error{Reason::bad_data, formatted("{}: record {}: {}", file, number, unusable.why)};
        }
    }
    return log;
}

} // namespace sealmount
