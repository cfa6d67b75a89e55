// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/events/measure_log.hpp"

#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/policy/pcr_policy.hpp"
#include "sys/tpm/digest.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace sealmount {

namespace {

constexpr char record_separator = '\x1e';

std::string string_or_empty(const Json& object, const char* const member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<PcrBank> bank_called(const std::string_view name) {
    for (const PcrBank bank : {PcrBank::sha1, PcrBank::sha256, PcrBank::sha384, PcrBank::sha512}) {
        if (to_string(bank) == name) {
            return bank;
        }
    }
    return std::nullopt;
}

/// Why a record cannot be used; the caller adds where it stands.
struct Unusable {
    std::string why;
};

BankDigests digests_of(const Json& record) {
    const auto list = record.find("digests");
    if (list == record.end() || !list->is_array()) {
        throw Unusable{"has no list of digests"};
    }
    BankDigests digests;
    for (const Json& entry : *list) {
        if (!entry.is_object()) {
            throw Unusable{"one of the digests is no object"};
        }
        const auto bank = bank_called(string_or_empty(entry, "hashAlg"));
        if (!bank) {
            continue;
        }
        const auto value = from_hex(string_or_empty(entry, "digest"));
        if (!value || value->size() != digest_size(*bank)) {
            throw Unusable{"the " + std::string{to_string(*bank)} + " digest must be " +
                           std::to_string(2 * digest_size(*bank)) + " hex digits"};
        }
        digests.emplace(*bank, *value);
    }
    return digests;
}

/// Nothing when the record is about no PCR, such as the NV indices of later versions.
std::optional<MeasureEvent> event_of(const std::string_view text) {
    Json record;
    try {
        record = parse_json(text);
    } catch (const Error& error) {
        throw Unusable{error.what()};
    }
    if (!record.is_object()) {
        throw Unusable{"is no JSON object"};
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
            throw Error{Reason::bad_data, file + ": record " + std::to_string(number) + ": " + unusable.why};
        }
    }
    return log;
}

} // namespace sealmount
