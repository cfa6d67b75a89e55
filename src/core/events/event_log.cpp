// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/event_log.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "sys/tpm/digest.hpp"
#include "sys/tpm/pcr_bank.hpp"
#include "sys/tpm/pcr_registry.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

constexpr std::size_t sha1_size = 20;
constexpr std::string_view agile_signature{"Spec ID Event03\0", 16};
constexpr std::string_view locality_signature{"StartupLocality\0", 16};

/// What the Spec ID event says of one hash algorithm.
struct Algorithm {
    std::uint16_t id;
    std::uint16_t size;
};

bool starts_with(const BytesView bytes, const std::string_view text) {
    return bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), as_bytes(text));
}

std::optional<PcrBank> bank_of(const std::uint16_t algorithm) {
    for (const PcrBank bank : {PcrBank::sha1, PcrBank::sha256, PcrBank::sha384, PcrBank::sha512}) {
        if (algorithm == static_cast<std::uint16_t>(bank)) {
            return bank;
        }
    }
    return std::nullopt;
}

/// One parse: the reader, and where it is, for messages.
class Parser {
  public:
    Parser(const BytesView bytes, const std::string& file) : reader_(bytes) { log_.file = file; }

    EventLog parse() {
        if (only_padding_left()) {
            throw Error{Reason::bad_data, log_.file + ": the event log is empty"};
        }
        LogEvent first = sha1_event();
        if (!first.is_measured() && starts_with(first.data, agile_signature)) {
            algorithms_ = algorithms_of(first.data);
            first.digests.clear();
        } else {
            log_.banks = {PcrBank::sha1};
        }
        add(std::move(first));
        while (!only_padding_left()) {
            add(algorithms_.empty() ? sha1_event() : agile_event());
        }
        return std::move(log_);
    }

  private:
    [[noreturn]] void fail(const std::string_view why) const {
        throw Error{Reason::bad_data, formatted("{}: event {} at offset {}: {}", log_.file,
                                                log_.events.size() + 1, start_, why)};
    }

    template<typename Value>
    Value need(const std::optional<Value> value, const char* const what) const {
        if (!value) {
            fail(formatted("the log ends within {}", what));
        }
        return *value;
    }

    [[nodiscard]] bool only_padding_left() const {
        const BytesView rest = reader_.rest();
        return rest.empty() ||
               ((rest.front() == std::byte{0} || rest.front() == std::byte{0xff}) &&
                std::ranges::all_of(rest, [&](const std::byte b) { return b == rest.front(); }));
    }

    LogEvent header() {
        start_ = reader_.offset();
        LogEvent event;
        event.number = static_cast<unsigned>(log_.events.size() + 1);
        event.offset = start_;
        event.pcr = need(reader_.u32(), "the PCR number");
        event.type = EventType{need(reader_.u32(), "the event type")};
        if (event.is_measured() && event.pcr >= pcr_count) {
            fail(formatted("there is no PCR {}: this is not the event log of a TPM, or it is damaged",
                           event.pcr));
        }
        return event;
    }

    void data_of(LogEvent& event) {
        const auto data = need(reader_.take(need(reader_.u32(), "the data's size")), "the event's data");
        event.data.assign(data.begin(), data.end());
    }

    LogEvent sha1_event() {
        LogEvent event = header();
        const auto value = need(reader_.take(sha1_size), "the SHA-1 digest");
        event.digests.emplace(PcrBank::sha1, Bytes{value.begin(), value.end()});
        data_of(event);
        return event;
    }

    LogEvent agile_event() {
        LogEvent event = header();
        const std::uint32_t count = need(reader_.u32(), "the number of digests");
        if (count > algorithms_.size()) {
            fail(formatted("has {} digests, but the log announces {}", count, algorithms_.size()));
        }
        for (std::uint32_t at = 0; at < count; ++at) {
            const std::uint16_t id = need(reader_.u16(), "the hash algorithm");
            const auto algorithm = std::ranges::find(algorithms_, id, &Algorithm::id);
            if (algorithm == algorithms_.end()) {
                fail(formatted("hash algorithm {} was not announced at the beginning of the log", id));
            }
            const auto value = need(reader_.take(algorithm->size), "a digest");
            if (const auto bank = bank_of(id)) {
                event.digests.emplace(*bank, Bytes{value.begin(), value.end()});
            }
        }
        drop_banks_without(event);
        data_of(event);
        return event;
    }

    /// Some firmware measures an event into one bank only: the log says nothing of the others then.
    void drop_banks_without(const LogEvent& event) {
        if (!event.is_measured() || log_.banks.empty()) {
            return;
        }
        const PcrBank first = log_.banks.front();
        std::erase_if(log_.banks, [&](const PcrBank bank) { return !event.digests.contains(bank); });
        if (log_.banks.empty()) {
            fail(formatted("lacks its {} digest", to_string(first)));
        }
    }

    /// TCG_EfiSpecIDEvent (10.4.5.1).
    std::vector<Algorithm> algorithms_of(const BytesView data) {
        ByteReader spec{data};
        constexpr std::size_t until_count = 24; // signature, platform class, versions, errata, size of UINTN
        constexpr std::uint32_t most = 16;      // HASH_COUNT of tpm2-tss and the kernel
        (void)need(spec.take(until_count), "the Spec ID event");
        const std::uint32_t count = need(spec.u32(), "the Spec ID event");
        if (count == 0 || count > most) {
            fail(formatted("announces {} hash algorithms: 1 to 16 are possible", count));
        }
        std::vector<Algorithm> algorithms;
        for (std::uint32_t at = 0; at < count; ++at) {
            const std::uint16_t id = need(spec.u16(), "the Spec ID event");
            const std::uint16_t size = need(spec.u16(), "the Spec ID event");
            algorithms.push_back({.id = id, .size = size});
            const auto bank = bank_of(id);
            if (bank && digest_size(*bank) != size) {
                fail(formatted("gives {} digests a size of {}", to_string(*bank), size));
            }
            if (bank && std::ranges::find(log_.banks, *bank) == log_.banks.end()) {
                log_.banks.push_back(*bank);
            }
        }
        return algorithms;
    }

    void add(LogEvent&& event) {
        constexpr std::size_t locality_at = locality_signature.size();
        if (!event.is_measured() && event.pcr == 0 && event.data.size() > locality_at &&
            starts_with(event.data, locality_signature)) {
            log_.startup_locality = std::to_integer<std::uint8_t>(event.data[locality_at]);
        }
        log_.events.push_back(std::move(event));
    }

    ByteReader reader_;
    EventLog log_;
    std::vector<Algorithm> algorithms_; ///< empty for the SHA-1 form
    std::size_t start_ = 0;             ///< of the event being read
};

} // namespace

EventLog parse_event_log(const BytesView bytes, const std::string& file) {
    return Parser{bytes, file}.parse();
}

Bytes initial_pcr_value(const unsigned pcr, const PcrBank bank, const std::uint8_t startup_locality) {
    const bool is_dynamic = pcr >= first_dynamic_pcr && pcr <= last_dynamic_pcr;
    Bytes value(digest_size(bank), is_dynamic ? std::byte{0xff} : std::byte{0});
    if (pcr == 0) {
        value.back() = std::byte{startup_locality};
    }
    return value;
}

Bytes extended(const PcrBank bank, const BytesView value, const BytesView event_digest) {
    return digest(bank, {value, event_digest});
}

PcrValues replay(const EventLog& log, const PcrBank bank) {
    if (std::ranges::find(log.banks, bank) == log.banks.end()) {
        throw Error{Reason::unavailable,
                    formatted("{}: the firmware's log has no {} digests", log.file, to_string(bank))};
    }
    PcrValues values;
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        values.emplace(pcr, initial_pcr_value(pcr, bank, log.startup_locality));
    }
    for (const LogEvent& event : log.events) {
        if (event.is_measured()) {
            values[event.pcr] = extended(bank, values[event.pcr], event.digests.at(bank));
        }
    }
    return values;
}

} // namespace sealmount
