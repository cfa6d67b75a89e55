// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/master_file.hpp"

#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/strict_json.hpp"
#include "core/ecryptfs/passphrase.hpp"
#include "core/master/tpm_key.hpp"
#include "core/policy/policy_json.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/pcr_bank.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace sealmount {

namespace {

constexpr std::int64_t first_version = 1;
constexpr std::int64_t sealed_version = 2;
constexpr std::size_t mac_size = 32;
constexpr std::string_view srk_handle_text = "0x81000001";
static_assert(srk_handle == 0x81000001);

/// Two bytes of hash algorithm and a digest of its size (TPM 2.0 Part 1, 16).
bool is_tpm_name(const std::span<const std::byte> name) {
    if (name.size() < 2 || name[0] != std::byte{0}) {
        return false;
    }
    switch (static_cast<PcrBank>(std::to_integer<std::uint16_t>(name[1]))) {
    case PcrBank::sha1:
        return name.size() == 2 + 20;
    case PcrBank::sha256:
        return name.size() == 2 + 32;
    case PcrBank::sha384:
        return name.size() == 2 + 48;
    case PcrBank::sha512:
        return name.size() == 2 + 64;
    }
    return false;
}

/// The form only, which is what a machine writes: 2026-11-23T20:49:05Z.
bool is_timestamp(const std::string_view text) {
    constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
    return std::ranges::equal(text, form, [](const char c, const char wanted) {
        return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted;
    });
}

Json slot_to_json(const Slot& slot) {
    Json json = Json::object();
    json["id"] = slot.id;
    json["type"] = "tpm";
    json["policy"] = to_json(slot.policy);
    json["sealed"] = to_base64(write_tpm_key(slot.sealed));
    json["created"] = slot.created;
    if (!slot.note.empty()) {
        json["note"] = slot.note;
    }
    for (const auto& [bank, pcrs] : slot.events) {
        for (const auto& [pcr, marks] : pcrs) {
            json["events"][std::string{to_string(bank)}][std::to_string(pcr)] = marks;
        }
    }
    if (slot.is_unproven) {
        json["unproven"] = true;
    }
    return json;
}

Json slot_to_json(const RecoverySlot& slot) {
    Json json = {{"id", slot.id},
                 {"type", "recovery"},
                 {"salt", to_base64(slot.salt)},
                 {"nonce", to_base64(slot.nonce)},
                 {"wrapped", to_base64(slot.wrapped)},
                 {"created", slot.created}};
    if (!slot.note.empty()) {
        json["note"] = slot.note;
    }
    return json;
}

std::string text_of(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// The members that both versions begin with.
Json head_of(const MasterFile& master, const std::int64_t version) {
    Json json = Json::object();
    json["version"] = version;
    json["srk"] = Json::object();
    json["srk"]["handle"] = srk_handle_text;
    json["srk"]["name"] = to_hex(master.srk_name);
    json["slots"] = Json::array();
    for (const Slot& slot : master.slots) {
        json["slots"].push_back(slot_to_json(slot));
    }
    if (version == sealed_version && master.may_rebind) {
        json["may_rebind"] = true;
    }
    return json;
}

Json sealed_json(const MasterFile& master) {
    Json json = head_of(master, sealed_version);
    json["keys"] = Json::array(); // no object: there may be more keys than an object's members
    for (const auto& [signature, proof] : master.key_proofs) {
        json["keys"].push_back(formatted("{} {}", signature, to_base64(proof)));
    }
    return json;
}

SealedObject read_sealed(ObjectReader& reader) {
    const std::optional<Bytes> der = from_base64(reader.string("sealed"));
    if (!der) {
        reader.fail("sealed", "is not base64");
    }
    try {
        SealedObject object = read_tpm_key(*der);
        if (object.parent != srk_handle) {
            reader.fail("sealed", formatted("its parent is not the storage root key at {}", srk_handle_text));
        }
        return object;
    } catch (const Error& error) {
        throw error.reason() == Reason::bad_data ? error.in(reader.path_of("sealed")) : error;
    }
}

/// One or two digits, and nothing else.
std::optional<unsigned> pcr_called(const std::string_view text) {
    unsigned pcr = 0;
    const char* const end = text.data() + text.size();
    const auto [read_to, failed] = std::from_chars(text.data(), end, pcr);
    return text.size() <= 2 && failed == std::errc{} && read_to == end ? std::optional{pcr} : std::nullopt;
}

/// Machine-written, and nothing depends on it: what is odd is refused all the same, as everywhere.
MeasuredEvents read_events(const Json& json, const std::string& path) {
    MeasuredEvents events;
    ObjectReader banks{json, path};
    for (const auto& [name, ignored] : json.items()) {
        const auto bank = bank_named(name);
        if (!bank) {
            banks.fail(name, "is not a PCR bank");
        }
        const Json& pcrs = banks.object(name);
        ObjectReader reader{pcrs, banks.path_of(name)};
        for (const auto& [number, also_ignored] : pcrs.items()) {
            const auto marks = reader.optional_strings(number);
            const auto is_mark = [](const std::string& mark) {
                return is_lower_hex(mark, event_mark_digits);
            };
            const auto pcr = pcr_called(number);
            if (!pcr || !std::ranges::all_of(marks, is_mark)) {
                reader.fail(number, "is not a PCR with the marks of its events");
            }
            events[*bank][*pcr] = marks;
        }
    }
    return events;
}

std::string read_created(ObjectReader& reader) {
    std::string created = reader.string("created");
    if (!is_timestamp(created)) {
        reader.fail("created", "is not a time in UTC such as 2026-01-31T12:00:00Z");
    }
    return created;
}

Slot read_tpm_slot(const Json& json, ObjectReader& reader, const unsigned id) {
    Slot slot;
    slot.id = id;
    slot.policy = policy_from_json(reader.object("policy"), reader.path_of("policy"));
    slot.sealed = read_sealed(reader);
    slot.created = read_created(reader);
    slot.note = reader.optional_string("note").value_or("");
    if (json.contains("events")) {
        slot.events = read_events(reader.object("events"), reader.path_of("events"));
    }
    slot.is_unproven = reader.optional_boolean("unproven").value_or(false);
    return slot;
}

/// Base64 of bytes whose number is known.
Bytes read_bytes(ObjectReader& reader, const std::string_view member, const std::size_t size) {
    const std::optional<Bytes> bytes = from_base64(reader.string(member));
    if (!bytes || bytes->size() != size) {
        reader.fail(member, formatted("is not base64 of {} bytes", size));
    }
    return *bytes;
}

RecoverySlot read_recovery_slot(ObjectReader& reader, const unsigned id) {
    RecoverySlot slot;
    slot.id = id;
    slot.salt = read_bytes(reader, "salt", recovery_salt_size);
    slot.nonce = read_bytes(reader, "nonce", recovery_nonce_size);
    slot.wrapped = read_bytes(reader, "wrapped", wrapped_master_size);
    slot.created = read_created(reader);
    slot.note = reader.optional_string("note").value_or("");
    return slot;
}

unsigned read_number(ObjectReader& reader, const MasterFile& master) {
    const std::int64_t id = reader.integer("id");
    if (id < 1 || id > std::numeric_limits<int>::max()) {
        reader.fail("id", "is not a number from 1 on");
    }
    const auto number = static_cast<unsigned>(id);
    if (master.find(number) != nullptr || master.find_recovery(number) != nullptr) {
        reader.fail("id", formatted("slot {} appears twice", id));
    }
    return number;
}

void read_slot(const Json& json, const std::string& path, const bool may_be_recovery, MasterFile& master) {
    ObjectReader reader{json, path};
    const unsigned number = read_number(reader, master);
    const std::string type = reader.string("type");
    if (type == "tpm") {
        master.slots.push_back(read_tpm_slot(json, reader, number));
    } else if (type == "recovery" && may_be_recovery) {
        master.recovery.push_back(read_recovery_slot(reader, number));
    } else {
        reader.fail("type", "is neither \"tpm\" nor \"recovery\", the types of slot that this version knows");
    }
    reader.finish();
}

/// "SIGNATURE BASE64"; the signatures ascend.
void read_key_proof(const Json& element, ObjectReader& reader, MasterFile& master) {
    const std::string text = element.is_string() ? element.get<std::string>() : "";
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string signature = text.substr(0, space);
    std::optional<Bytes> proof = from_base64(std::string_view{text}.substr(std::min(space + 1, text.size())));
    if (!is_lower_hex(signature, 2 * signature_size) || !proof || proof->size() != mac_size ||
        (!master.key_proofs.empty() && signature <= master.key_proofs.rbegin()->first)) {
        reader.fail(formatted("keys[{}]", master.key_proofs.size()),
                    "is not the signature of a key, behind the one before it, with a proof");
    }
    master.key_proofs.emplace_hint(master.key_proofs.end(), signature, std::move(*proof));
}

/// Version 2: behind the slots, what they are proved with.
void read_proofs(const Json& json, ObjectReader& reader, MasterFile& master) {
    master.may_rebind = reader.optional_boolean("may_rebind").value_or(false);
    for (const Json& element : reader.array("keys")) {
        read_key_proof(element, reader, master);
    }
    master.seal = reader.string("seal");
    if (master.seal.empty()) {
        reader.fail("seal", "is empty");
    }
    if (!json.contains("recovery")) {
        return;
    }
    for (const Json& element : reader.array("recovery")) {
        ObjectReader slot{element, formatted("recovery[{}]", master.recovery.size())};
        const unsigned number = read_number(slot, master);
        if (slot.string("type") != "recovery") {
            slot.fail("type", "is not \"recovery\"");
        }
        RecoverySlot read = read_recovery_slot(slot, number);
        read.proof = read_bytes(slot, "proof", mac_size);
        slot.finish();
        master.recovery.push_back(std::move(read));
    }
}

TpmName read_srk_name(ObjectReader& reader) {
    ObjectReader srk{reader.object("srk"), "srk"};
    if (srk.string("handle") != srk_handle_text) {
        srk.fail("handle", formatted("is not \"{}\"", srk_handle_text));
    }
    const std::string name = srk.string("name");
    srk.finish();
    std::optional<Bytes> bytes = is_lower_hex(name, name.size()) ? from_hex(name) : std::nullopt;
    if (!bytes || !is_tpm_name(*bytes)) {
        srk.fail("name", "is not the name of a TPM object in lower-case hex");
    }
    return std::move(*bytes);
}

MasterFile read_document(const Json& json) {
    ObjectReader reader{json, ""};
    const std::int64_t version = reader.integer("version");
    if (version != first_version && version != sealed_version) {
        reader.fail("version", "is neither 1 nor 2, those that this version of sealmount knows");
    }
    const bool is_first = version == first_version;
    MasterFile master;
    master.srk_name = read_srk_name(reader);
    for (const Json& element : reader.array("slots")) {
        const std::size_t index = master.slots.size() + master.recovery.size();
        read_slot(element, formatted("slots[{}]", index), is_first, master);
    }
    if (!is_first) {
        read_proofs(json, reader, master);
    }
    reader.finish();
    return master;
}

} // namespace

const Slot* MasterFile::find(const unsigned id) const {
    const auto found = std::ranges::find(slots, id, &Slot::id);
    return found == slots.end() ? nullptr : &*found;
}

const RecoverySlot* MasterFile::find_recovery(const unsigned id) const {
    const auto found = std::ranges::find(recovery, id, &RecoverySlot::id);
    return found == recovery.end() ? nullptr : &*found;
}

unsigned MasterFile::next_id() const {
    unsigned highest = 0;
    for (const Slot& slot : slots) {
        highest = std::max(highest, slot.id);
    }
    for (const RecoverySlot& slot : recovery) {
        highest = std::max(highest, slot.id);
    }
    return highest + 1;
}

std::string write_master_file(const MasterFile& master) {
    if (!master.is_sealed()) {
        Json json = head_of(master, first_version);
        for (const RecoverySlot& slot : master.recovery) {
            json["slots"].push_back(slot_to_json(slot));
        }
        return text_of(json);
    }
    Json json = sealed_json(master);
    json["seal"] = master.seal;
    for (const RecoverySlot& slot : master.recovery) {
        Json recovery = slot_to_json(slot);
        recovery["proof"] = to_base64(slot.proof);
        json["recovery"].push_back(std::move(recovery));
    }
    return text_of(json);
}

std::string sealed_form(const MasterFile& master) {
    return text_of(sealed_json(master));
}

std::string slots_form(const MasterFile& master) {
    return text_of(head_of(master, sealed_version));
}

std::string recovery_form(const RecoverySlot& slot) {
    return text_of(slot_to_json(slot));
}

MasterFile read_master_file(const std::string_view text) {
    try {
        return read_document(parse_json(text));
    } catch (const Error& error) {
        // The readers blame whoever edits the manifest; nobody edits this file.
        throw error.reason() == Reason::config ? Error{Reason::bad_data, error.what()} : error;
    }
}

} // namespace sealmount
