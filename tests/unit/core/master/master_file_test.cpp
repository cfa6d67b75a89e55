// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/master/master_file.hpp"

#include "base/format.hpp"
#include "base/strict_json.hpp"
#include "core/master/tpm_key.hpp"
#include "unit/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sealmount {

using namespace std::string_literals;
using test::unhex;

namespace {

MasterFile sample() {
    const Json vector = test::vectors("vectors.json", "trusted_key").at(0);
    const SealedObject sealed = read_tpm_key(unhex(test::text_of(vector, "hex")));
    MasterFile master;
    master.srk_name = unhex("000b" + std::string(64, 'c'));
    for (const unsigned id : {1U, 3U}) {
        Slot slot;
        slot.id = id;
        slot.policy.pcrs = {{.bank = PcrBank::sha256, .values = {{7, unhex(std::string(64, 'a'))}}}};
        slot.sealed = sealed;
        slot.created = "2026-11-23T20:49:05Z";
        slot.note = id == 1 ? "" : "line\nbreak";
        master.slots.push_back(std::move(slot));
    }
    master.recovery = {{.id = 2,
                        .salt = std::vector(recovery_salt_size, std::byte{1}),
                        .nonce = std::vector(recovery_nonce_size, std::byte{2}),
                        .wrapped = std::vector(wrapped_master_size, std::byte{3}),
                        .created = "2026-11-25T09:00:00Z",
                        .note = "enrollment"}};
    return master;
}

MasterFile sealed_sample() {
    MasterFile master = sample();
    master.slots.back().is_unproven = true;
    master.recovery.front().proof = std::vector(32, std::byte{4});
    master.may_rebind = true;
    master.key_proofs = {{"7f475b5d20a645dc", std::vector(32, std::byte{5})}};
    master.seal = "default trusted:default 32 00";
    return master;
}

} // namespace

TEST(MasterFileTest, ComesBack) {
    EXPECT_EQ(read_master_file(write_master_file(sample())), sample());
    EXPECT_TRUE(write_master_file(sample()).ends_with("}\n"));
}

TEST(MasterFileTest, WithAProofItComesBack) {
    EXPECT_EQ(read_master_file(write_master_file(sealed_sample())), sealed_sample());
}

TEST(MasterFileTest, WhatIsProvedIsTheTextBeforeTheSeal) {
    const std::string text = write_master_file(sealed_sample());
    EXPECT_EQ(sealed_form(sealed_sample()), text.substr(0, text.find(",\n  \"seal\": ")) + "\n}\n");
    MasterFile revoked = sealed_sample();
    revoked.recovery.clear();
    EXPECT_EQ(sealed_form(revoked), sealed_form(sealed_sample())) << "a recovery key has a proof of its own";
    MasterFile other = sealed_sample();
    other.key_proofs.clear();
    EXPECT_EQ(slots_form(other), slots_form(sealed_sample()));
    EXPECT_NE(sealed_form(other), sealed_form(sealed_sample()));
}

TEST(MasterFileTest, ThereMayBeMoreKeysThanAnObjectHasMembers) {
    MasterFile master = sealed_sample();
    for (std::size_t i = 0; i < 2 * most_members; ++i) {
        master.key_proofs[formatted("{:016x}", i)] = std::vector(32, std::byte{6});
    }
    EXPECT_EQ(read_master_file(write_master_file(master)), master);
}

TEST(MasterFileTest, NumbersAreThoseOfBothKinds) {
    MasterFile master = sample();
    EXPECT_EQ(master.next_id(), 4U);
    EXPECT_EQ(master.find(2), nullptr);
    EXPECT_EQ(master.find_recovery(2), &master.recovery[0]);
    master.recovery[0].id = 7;
    EXPECT_EQ(master.next_id(), 8U);
}

TEST(MasterFileTest, FormIsThatOfTheManual) {
    MasterFile master = sample();
    master.slots.clear();
    master.recovery.clear();
    EXPECT_EQ(write_master_file(master),
              "{\n  \"version\": 1,\n  \"srk\": {\n    \"handle\": \"0x81000001\",\n"
              "    \"name\": \"000b" +
                  std::string(64, 'c') + "\"\n  },\n  \"slots\": []\n}\n");
}

TEST(MasterFileTest, CutOffAnywhereIsBadData) {
    const std::string text = write_master_file(sample());
    for (std::size_t size = 0; size + 1 < text.size(); ++size) {
        EXPECT_EQ(test::reason_of([&] { static_cast<void>(read_master_file(text.substr(0, size))); }),
                  Reason::bad_data)
            << size;
    }
}

TEST(MasterFileTest, AProofHasItsPlace) {
    const auto reason_of_edit = [](const char* const pointer, const std::optional<Json>& value) {
        nlohmann::json json = nlohmann::json::parse(write_master_file(sealed_sample()));
        const nlohmann::json::json_pointer place{pointer};
        if (value) {
            json[place] = nlohmann::json::parse(value->dump());
        } else {
            json[place.parent_pointer()].erase(place.back());
        }
        return test::message_of([&] { static_cast<void>(read_master_file(json.dump())); });
    };
    EXPECT_EQ(reason_of_edit("/seal", std::nullopt), "seal: is missing");
    EXPECT_EQ(reason_of_edit("/seal", ""), "seal: is empty");
    EXPECT_EQ(reason_of_edit("/keys", std::nullopt), "keys: is missing");
    constexpr auto no_proof = ": is not the signature of a key, behind the one before it, with a proof";
    const std::string mac = to_base64(std::vector(32, std::byte{5}));
    for (const std::string& text : {std::string{}, "7f475b5d20a645dc"s, "7f475b5d20a645dc "s, "x " + mac,
                                    "7F475B5D20A645DC " + mac, "7f475b5d20a645dc AA=="s}) {
        EXPECT_EQ(reason_of_edit("/keys/0", text), "keys[0]"s + no_proof);
    }
    EXPECT_EQ(reason_of_edit("/keys/1", "7f475b5d20a645db " + mac), "keys[1]"s + no_proof);
    EXPECT_EQ(reason_of_edit("/keys/1", "7f475b5d20a645dc " + mac), "keys[1]"s + no_proof);
    EXPECT_EQ(reason_of_edit("/version", 1), "keys: is not a known member");
    EXPECT_EQ(reason_of_edit("/recovery/0/proof", std::nullopt), "recovery[0].proof: is missing");
    EXPECT_EQ(reason_of_edit("/recovery/0/type", "tpm"), "recovery[0].type: is not \"recovery\"");
    EXPECT_EQ(reason_of_edit("/recovery/0/id", 1), "recovery[0].id: slot 1 appears twice");
    EXPECT_EQ(
        reason_of_edit("/slots/0/type", "recovery"),
        "slots[0].type: is neither \"tpm\" nor \"recovery\", the types of slot that this version knows");
}

/// One change to a good file: a JSON pointer, and what it becomes (nothing: removed).
struct DamageCase {
    const char* name;
    const char* pointer;
    std::optional<Json> value;
    const char* message;
};

class MasterFileRefusalTest : public testing::TestWithParam<DamageCase> {};

TEST_P(MasterFileRefusalTest, NamesThePlace) {
    // Unordered, since only that form of the library patches well; order means nothing here.
    nlohmann::json json = nlohmann::json::parse(write_master_file(sample()));
    const nlohmann::json::json_pointer pointer{GetParam().pointer};
    if (GetParam().value) {
        json[pointer] = nlohmann::json::parse(GetParam().value->dump());
    } else {
        json[pointer.parent_pointer()].erase(pointer.back());
    }
    const Error error = test::error_of([&] { static_cast<void>(read_master_file(json.dump())); });
    EXPECT_EQ(error.reason(), Reason::bad_data);
    EXPECT_STREQ(error.what(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MasterFileRefusalTest,
    testing::Values(
        DamageCase{"version", "/version", 3,
                   "version: is neither 1 nor 2, those that this version of sealmount knows"},
        DamageCase{"other_version", "/version", 2,
                   "slots[2].type: is neither \"tpm\" nor \"recovery\", the types of slot that this version "
                   "knows"},
        DamageCase{"no_srk", "/srk", std::nullopt, "srk: is missing"},
        DamageCase{"handle", "/srk/handle", "0x81000002", "srk.handle: is not \"0x81000001\""},
        DamageCase{"name_short", "/srk/name", "000b00",
                   "srk.name: is not the name of a TPM object in lower-case hex"},
        DamageCase{"name_upper", "/srk/name", "000B" + std::string(64, 'c'),
                   "srk.name: is not the name of a TPM object in lower-case hex"},
        DamageCase{"srk_extra", "/srk/x", 1, "srk.x: is not a known member"},
        DamageCase{"top_extra", "/x", 1, "x: is not a known member"},
        DamageCase{"slots", "/slots", 1, "slots: must be an array"},
        DamageCase{"slot", "/slots/0", 1, "slots[0]: must be an object"},
        DamageCase{"id_zero", "/slots/0/id", 0, "slots[0].id: is not a number from 1 on"},
        DamageCase{"id_huge", "/slots/0/id", 4294967297, "slots[0].id: is not a number from 1 on"},
        DamageCase{"id_twice", "/slots/0/id", 3, "slots[1].id: slot 3 appears twice"},
        DamageCase{"type", "/slots/1/type", "x",
                   "slots[1].type: is neither \"tpm\" nor \"recovery\", the types of slot that this version "
                   "knows"},
        DamageCase{"policy", "/slots/0/policy/pcrs/0/values/7", "zz",
                   "slots[0].policy.pcrs[0].values.7: must be 64 lower-case hex digits"},
        DamageCase{"base64", "/slots/0/sealed", "MIIB",
                   "slots[0].sealed: not a sealed TPMKey: it is cut off, or not DER"},
        DamageCase{"not_base64", "/slots/0/sealed", "MII", "slots[0].sealed: is not base64"},
        DamageCase{"parent", "/slots/0/sealed",
                   to_base64(unhex("301a06066781050a01050205008100000204040002aabb04030001cc")),
                   "slots[0].sealed: its parent is not the storage root key at 0x81000001"},
        DamageCase{"created", "/slots/0/created", "2026-11-23 20:49:05",
                   "slots[0].created: is not a time in UTC such as 2026-01-31T12:00:00Z"},
        DamageCase{"event_of_no_pcr", "/slots/0/events", Json::parse(R"({"sha256":{"":[]}})"),
                   "slots[0].events.sha256.: is not a PCR with the marks of its events"},
        DamageCase{"event_of_a_sign", "/slots/0/events", Json::parse(R"({"sha256":{"+7":[]}})"),
                   "slots[0].events.sha256.+7: is not a PCR with the marks of its events"},
        DamageCase{"note", "/slots/0/note", 7, "slots[0].note: must be a string"},
        DamageCase{"recovery_id", "/slots/2/id", 3, "slots[2].id: slot 3 appears twice"},
        DamageCase{"recovery_extra", "/slots/2/policy", 1, "slots[2].policy: is not a known member"},
        DamageCase{"salt", "/slots/2/salt", "AAAA", "slots[2].salt: is not base64 of 32 bytes"},
        DamageCase{"no_nonce", "/slots/2/nonce", std::nullopt, "slots[2].nonce: is missing"},
        DamageCase{"wrapped", "/slots/2/wrapped", "?", "slots[2].wrapped: is not base64 of 48 bytes"},
        DamageCase{"recovery_created", "/slots/2/created", "today",
                   "slots[2].created: is not a time in UTC such as 2026-01-31T12:00:00Z"}),
    [](const auto& entry) { return entry.param.name; });

} // namespace sealmount
