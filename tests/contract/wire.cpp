// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "contract/wire.hpp"

#include "base/error.hpp"
#include "sys/crypto/crypto.hpp"

namespace sealmount::testing {

namespace {

constexpr std::uint32_t password_session = 0x40000009;
constexpr std::uint32_t owner = 0x40000001;
constexpr std::uint32_t platform = 0x4000000c;
constexpr std::uint32_t lockout = 0x4000000a;
constexpr std::uint32_t null_handle = 0x40000007;

void expect_success(const Response& response, const std::string_view what) {
    if (response.code != 0) {
        throw Error{Reason::unavailable, std::string{what} + ": TPM code " + std::to_string(response.code)};
    }
}

} // namespace

void put_u8(Wire& wire, const unsigned value) {
    wire.push_back(static_cast<std::byte>(value & 0xffU));
}

void put_u16(Wire& wire, const unsigned value) {
    put_u8(wire, value >> 8);
    put_u8(wire, value);
}

void put_u32(Wire& wire, const std::uint32_t value) {
    put_u16(wire, value >> 16);
    put_u16(wire, value);
}

void put(Wire& wire, const std::span<const std::byte> bytes) {
    wire.insert(wire.end(), bytes.begin(), bytes.end());
}

std::uint32_t read_u16(const std::span<const std::byte> wire, const std::size_t offset) {
    return std::to_integer<std::uint32_t>(wire[offset]) << 8 |
           std::to_integer<std::uint32_t>(wire[offset + 1]);
}

std::uint32_t read_u32(const std::span<const std::byte> wire, const std::size_t offset) {
    return read_u16(wire, offset) << 16 | read_u16(wire, offset + 2);
}

void put_session(Wire& wire, const std::uint32_t session) {
    put_u32(wire, 9); // size of the area
    put_u32(wire, session);
    put_u16(wire, 0); // no nonce
    put_u8(wire, 0);  // attributes: not continued
    put_u16(wire, 0); // no HMAC, or the empty password
}

void put_selection(Wire& wire, const PcrSelection selection) {
    put_u32(wire, 1);
    put_u16(wire, static_cast<unsigned>(selection.bank));
    put_u8(wire, 3);
    put_u8(wire, selection.mask);
    put_u8(wire, selection.mask >> 8);
    put_u8(wire, selection.mask >> 16);
}

Wire tpm_command(const Command command, const std::span<const std::byte> body, const bool with_session) {
    Wire wire;
    put_u16(wire, with_session ? 0x8002 : 0x8001);
    put_u32(wire, static_cast<std::uint32_t>(10 + body.size()));
    put_u32(wire, static_cast<std::uint32_t>(command));
    put(wire, body);
    return wire;
}

Wire pcr_extend_command(const unsigned pcr, const std::string_view data) {
    Wire body;
    put_u32(body, pcr);
    put_session(body, password_session);
    put_u32(body, 1);
    put_u16(body, 0x000b);
    put(body, sha256({as_bytes(data)}));
    return tpm_command(Command::pcr_extend, body, true);
}

void Swtpm::extend(const unsigned pcr, const std::string_view data) {
    const auto response = exchange(pcr_extend_command(pcr, data));
    expect_success({.code = read_u32(response, 6), .body = {}}, "TPM2_PCR_Extend");
}

void Swtpm::clear() {
    Wire body;
    put_u32(body, platform);
    put_session(body, password_session);
    expect_success(send(Command::clear, body, true), "TPM2_Clear");
}

void Swtpm::set_owner_password(const std::string_view password) {
    Wire body;
    put_u32(body, owner);
    put_session(body, password_session);
    put_u16(body, static_cast<unsigned>(password.size()));
    put(body, as_bytes(password));
    expect_success(send(Command::hierarchy_change_auth, body, true), "TPM2_HierarchyChangeAuth");
}

void Swtpm::evict_srk() {
    Wire body;
    put_u32(body, owner);
    put_u32(body, srk_handle);
    put_session(body, password_session);
    put_u32(body, srk_handle);
    expect_success(send(Command::evict_control, body, true), "TPM2_EvictControl");
}

void Swtpm::disable_storage() {
    Wire body;
    put_u32(body, platform);
    put_session(body, password_session);
    put_u32(body, owner);
    put_u8(body, 0);
    expect_success(send(Command::hierarchy_control, body, true), "TPM2_HierarchyControl");
}

void Swtpm::lock_srk(const std::string_view password) {
    evict_srk();
    Wire area; // as srk_template() of sys/tpm/esys_session.hpp has it
    for (const unsigned word : {0x0023U, 0x000bU, 0x0003U, 0x0472U, 0U, 0x0006U, 0x0080U, 0x0043U, 0x0010U,
                                0x0003U, 0x0010U, 0U, 0U}) {
        put_u16(area, word);
    }
    Wire body;
    put_u32(body, owner);
    put_session(body, password_session);
    put_u16(body, static_cast<unsigned>(password.size() + 4));
    put_u16(body, static_cast<unsigned>(password.size()));
    put(body, as_bytes(password));
    put_u16(body, 0); // no data
    put_u16(body, static_cast<unsigned>(area.size()));
    put(body, area);
    put_u16(body, 0); // no outside information
    put_u32(body, 0); // no PCRs
    const Response made = send(Command::create_primary, body, true);
    expect_success(made, "TPM2_CreatePrimary");
    const std::uint32_t transient = read_u32(made.body, 0);
    Wire keep;
    put_u32(keep, owner);
    put_u32(keep, transient);
    put_session(keep, password_session);
    put_u32(keep, srk_handle);
    expect_success(send(Command::evict_control, keep, true), "TPM2_EvictControl");
    Wire flush;
    put_u32(flush, transient);
    expect_success(send(Command::flush_context, flush), "TPM2_FlushContext");
}

void Swtpm::leave_objects(const unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        Wire body;
        put_u16(body, 0); // no password
        put_u16(body, 0x000b);
        expect_success(send(Command::hash_sequence_start, body), "TPM2_HashSequenceStart");
    }
}

void Swtpm::allow_tries(const unsigned count) {
    Wire body;
    put_u32(body, lockout);
    put_session(body, password_session);
    put_u32(body, count);
    put_u32(body, 1000); // seconds until a failed try is forgiven
    put_u32(body, 1000);
    expect_success(send(Command::dictionary_attack_parameters, body, true),
                   "TPM2_DictionaryAttackParameters");
}

Wire Swtpm::trial_digest(const PcrSelection selection) {
    Wire start;
    put_u32(start, null_handle); // no salt
    put_u32(start, null_handle); // not bound
    put_u16(start, 16);
    put(start, Wire(16));
    put_u16(start, 0);
    put_u8(start, 3); // TPM_SE_TRIAL
    put_u16(start, 0x0010);
    put_u16(start, 0x000b);
    const auto started = send(Command::start_auth_session, start);
    expect_success(started, "TPM2_StartAuthSession");
    const auto session = read_u32(started.body, 0);

    Wire pcr;
    put_u32(pcr, session);
    put_u16(pcr, 0);
    put_selection(pcr, selection);
    expect_success(send(Command::policy_pcr, pcr), "TPM2_PolicyPCR");

    Wire handle;
    put_u32(handle, session);
    const auto digest = send(Command::policy_get_digest, handle);
    expect_success(digest, "TPM2_PolicyGetDigest");
    expect_success(send(Command::flush_context, handle), "TPM2_FlushContext");
    return {digest.body.begin() + 2, digest.body.end()};
}

SealedObject Swtpm::kernel_seal(const std::string_view secret) {
    Wire sensitive;
    put_u16(sensitive, 0); // no password
    put_u16(sensitive, static_cast<unsigned>(secret.size()));
    put(sensitive, as_bytes(secret));
    Wire area;
    put_u16(area, 0x0008); // TPM_ALG_KEYEDHASH
    put_u16(area, 0x000b);
    put_u32(area, 0x40); // userWithAuth
    put_u16(area, 0);    // no policy
    put_u16(area, 0x0010);
    put_u16(area, 0);
    Wire body;
    put_u32(body, srk_handle);
    put_session(body, password_session);
    put_u16(body, static_cast<unsigned>(sensitive.size()));
    put(body, sensitive);
    put_u16(body, static_cast<unsigned>(area.size()));
    put(body, area);
    put_u16(body, 0); // no outside information
    put_u32(body, 0); // no PCRs
    const auto created = send(Command::create, body, true);
    expect_success(created, "TPM2_Create");
    // The size of the parameters, then the private and the public area, whole.
    const std::span<const std::byte> rest = std::span{created.body}.subspan(4);
    const std::size_t private_size = 2 + read_u16(rest, 0);
    const std::size_t public_size = 2 + read_u16(rest, private_size);
    const auto private_area = rest.first(private_size);
    const auto public_area = rest.subspan(private_size, public_size);
    return {.parent = srk_handle,
            .public_area = {public_area.begin(), public_area.end()},
            .private_area = {private_area.begin(), private_area.end()}};
}

std::expected<Wire, std::uint32_t> Swtpm::kernel_unseal(const SealedObject& object,
                                                        const std::uint32_t session) {
    Wire load;
    put_u32(load, object.parent);
    put_session(load, password_session);
    put(load, object.private_area);
    put(load, object.public_area);
    const auto loaded = send(Command::load, load, true);
    if (loaded.code != 0) {
        return std::unexpected{loaded.code};
    }
    Wire handle;
    put_u32(handle, read_u32(loaded.body, 0));
    Wire unseal = handle;
    put_session(unseal, session);
    const auto unsealed = send(Command::unseal, unseal, true);
    expect_success(send(Command::flush_context, handle), "TPM2_FlushContext");
    if (unsealed.code != 0) {
        return std::unexpected{unsealed.code};
    }
    const auto size = read_u16(unsealed.body, 4);
    return Wire{unsealed.body.begin() + 6, unsealed.body.begin() + 6 + size};
}

std::size_t Swtpm::handles(const std::uint32_t kind) {
    Wire body;
    put_u32(body, 1); // TPM_CAP_HANDLES
    put_u32(body, kind);
    put_u32(body, 16);
    const auto response = send(Command::get_capability, body);
    expect_success(response, "TPM2_GetCapability");
    return read_u32(response.body, 5);
}

std::uint32_t Swtpm::property(const std::uint32_t number) {
    Wire body;
    put_u32(body, 6); // TPM_CAP_TPM_PROPERTIES
    put_u32(body, number);
    put_u32(body, 1);
    const auto response = send(Command::get_capability, body);
    expect_success(response, "TPM2_GetCapability");
    return read_u32(response.body, 13);
}

} // namespace sealmount::testing
