// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "fakes/fake_tpm.hpp"

#include "base/error.hpp"
#include "core/policy/policy_digest.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/tpm/public_key.hpp"
#include "sys/tpm/srk_name.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace sealmount::testing {

namespace {

constexpr std::size_t digest_size = 32;
constexpr unsigned object_slots = 3;

void append_u16(std::vector<std::byte>& bytes, const std::size_t value) {
    bytes.push_back(static_cast<std::byte>(value >> 8 & 0xff));
    bytes.push_back(static_cast<std::byte>(value & 0xff));
}

void append(std::vector<std::byte>& bytes, const std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

std::vector<std::byte> sized(const std::span<const std::byte> contents) {
    std::vector<std::byte> bytes;
    append_u16(bytes, contents.size());
    append(bytes, contents);
    return bytes;
}

std::array<std::byte, digest_size> number_digest(const std::string_view purpose, const std::uint32_t number) {
    return sha256({as_bytes(purpose), as_bytes(std::to_string(number))});
}

/// A TPM2B_PUBLIC like that of a real sealed object (TPM 2.0 Part 2, 12.2.4).
std::vector<std::byte> public_area(const PolicyDigest& policy, const std::uint32_t number,
                                   const bool has_pin) {
    std::vector<std::byte> area;
    append_u16(area, 0x0008); // TPM_ALG_KEYEDHASH
    append_u16(area, 0x000b); // TPM_ALG_SHA256
    append_u16(area, 0x0000);
    append_u16(area, has_pin ? 0x0092 : 0x0492); // fixedTPM, fixedParent, adminWithPolicy, noDA
    append(area, sized(policy));
    append_u16(area, 0x0010); // no scheme
    append(area, sized(number_digest("unique", number)));
    return sized(area);
}

TpmName name_of_nv(const std::uint32_t index) {
    TpmName name;
    append_u16(name, 0x000b);
    append(name, number_digest("nv", index));
    return name;
}

std::vector<std::byte> both_areas(const SealedObject& object) {
    auto bytes = object.public_area;
    append(bytes, object.private_area);
    return bytes;
}

} // namespace

class FakeSession final : public PolicySession {
  public:
    FakeSession(FakeTpm& chip, const std::uint32_t handle) : chip_(chip), handle_(handle) {}
    ~FakeSession() override { chip_.sessions_.erase(handle_); }

    [[nodiscard]] std::uint32_t handle() const override { return handle_; }

  private:
    FakeTpm& chip_;
    std::uint32_t handle_;
};

class FakeConnection final : public Tpm {
  public:
    FakeConnection(FakeTpm& chip, const bool raw) : chip_(chip), raw_(raw) {
        if (raw_) {
            chip_.held_raw_ = true;
        }
    }
    ~FakeConnection() override {
        if (raw_) {
            chip_.held_raw_ = false;
        }
    }

    PcrReading read_pcrs(const PcrSelection selection) override {
        // Eight digests fit into one answer.
        auto left = std::popcount(selection.mask);
        for (; left > 0; left -= 8) {
            chip_.command();
        }
        return {.values = chip_.values(selection), .update_counter = chip_.counter_};
    }

    std::expected<TpmName, Refusal> srk_name() override {
        if (auto refusal = srk_refusal()) {
            return std::unexpected{std::move(*refusal)};
        }
        return shown_name();
    }

    TpmName make_srk() override {
        chip_.command();
        if (chip_.owner_password_) {
            throw Error{Reason::refused, "the TPM's owner hierarchy has a password"};
        }
        if (chip_.storage_disabled_) {
            throw Error{Reason::unavailable, "the TPM's storage hierarchy is disabled"};
        }
        chip_.command();
        if (chip_.has_srk_) {
            throw Error{Reason::unavailable, "cannot make the storage root key: there is one"};
        }
        chip_.has_srk_ = true;
        return chip_.name();
    }

    bool use_primary(const TpmName& pinned) override {
        chip_.command();
        uses_primary_ = !chip_.owner_password_ && !chip_.storage_disabled_ && chip_.name() == pinned;
        return uses_primary_;
    }

    bool has_storage() override {
        chip_.command();
        return !chip_.storage_disabled_;
    }

    TpmClock clock() override {
        chip_.command();
        return chip_.clock_;
    }

    TpmName nv_name(const std::uint32_t index) override {
        chip_.command();
        if (!chip_.nv_.contains(index)) {
            throw Error{Reason::unavailable, "the fake TPM has no such NV index"};
        }
        return name_of_nv(index);
    }

    std::expected<SealedObject, Refusal> seal(const TpmName& srk, const SecretBytes& secret,
                                              const PolicyDigest& policy,
                                              const SecretBytes* const pin) override {
        if (auto refusal = srk_refusal(&srk)) {
            return std::unexpected{std::move(*refusal)};
        }
        if (auto refusal = chip_.refused_use()) {
            return std::unexpected{std::move(*refusal)};
        }
        if (is_locked()) {
            return std::unexpected{Refusal{RefusalKind::srk_locked, {}}};
        }
        const SealedObject object = chip_.new_object(policy, pin != nullptr);
        const auto bytes = secret.bytes();
        FakeTpm::Sealed& kept = chip_.sealed_[both_areas(object)];
        kept.policy = policy;
        chip_.seals_.push_back(policy);
        kept.secret = {bytes.begin(), bytes.end()};
        if (pin != nullptr) {
            kept.pin = {pin->bytes().begin(), pin->bytes().end()};
        }
        return object;
    }

    std::expected<SecretBytes, Refusal> unseal(const TpmName& srk, const SealedObject& object,
                                               const PolicySteps& steps,
                                               const SecretBytes* const pin) override {
        if (auto refusal = srk_refusal(&srk)) {
            return std::unexpected{std::move(*refusal)};
        }
        for (int load_and_session = 0; load_and_session < 2; ++load_and_session) {
            if (auto refusal = chip_.refused_use()) {
                return std::unexpected{std::move(*refusal)};
            }
        }
        if (is_locked()) {
            return std::unexpected{Refusal{RefusalKind::srk_locked, {}}};
        }
        const auto sealed = chip_.find(object);
        if (!sealed) {
            return std::unexpected{sealed.error()};
        }
        const auto session = chip_.make_session(steps);
        if (!session) {
            return std::unexpected{session.error()};
        }
        if (auto refusal = chip_.refused_command()) {
            return std::unexpected{std::move(*refusal)};
        }
        if (auto refusal = chip_.check(*session, **sealed, pin)) {
            return std::unexpected{std::move(*refusal)};
        }
        return SecretBytes{std::span<const std::byte>{(*sealed)->secret}};
    }

    std::expected<SecretBytes, Refusal> unseal_without_policy(const SealedObject& object,
                                                              const TpmName* const pinned) override {
        if (auto refusal = srk_refusal(object.parent == srk_handle ? pinned : nullptr)) {
            return std::unexpected{std::move(*refusal)};
        }
        if (object.parent != srk_handle) {
            return std::unexpected{Refusal{RefusalKind::srk_missing, {}}};
        }
        const auto sealed = chip_.find(object);
        if (!sealed) {
            return std::unexpected{sealed.error()};
        }
        if (!(*sealed)->without_policy) {
            return std::unexpected{Refusal{RefusalKind::policy_mismatch, {}}};
        }
        return SecretBytes{std::span<const std::byte>{(*sealed)->secret}};
    }

    std::expected<std::unique_ptr<PolicySession>, Refusal>
    start_policy_session(const PolicySteps& steps) override {
        chip_.command();
        const auto session = chip_.make_session(steps);
        if (!session) {
            return std::unexpected{session.error()};
        }
        const auto handle = chip_.next_session_++;
        chip_.sessions_.emplace(handle, *session);
        return std::make_unique<FakeSession>(chip_, handle);
    }

    LockoutState lockout() override {
        chip_.command();
        return {.locked = chip_.locked_out_,
                .failed_tries = chip_.failed_tries_,
                .allowed_tries = 3,
                .recovery_seconds = 1000};
    }

    TpmRoom room() override {
        chip_.command();
        return {.objects = chip_.leftovers_,
                .loaded_sessions = static_cast<std::uint32_t>(chip_.sessions_.size())};
    }

    unsigned drop_leftovers() override {
        chip_.command();
        return std::exchange(chip_.leftovers_, 0);
    }

    std::expected<TpmName, Refusal> usable_srk_name() override {
        chip_.command();
        return srk_name();
    }

  private:
    /// Also when it is not the expected one, if one is.
    std::optional<Refusal> srk_refusal(const TpmName* const expected = nullptr) {
        if (auto refusal = chip_.refused_command()) {
            return refusal;
        }
        if (!chip_.shows_srk() && !uses_primary_) {
            return Refusal{RefusalKind::srk_missing, {}};
        }
        if (expected != nullptr) {
            if (const TpmName shown = shown_name(); *expected != shown) {
                ++chip_.foreign_keys_;
                return another_srk(*expected, shown);
            }
        }
        return std::nullopt;
    }

    /// The TPM's, unless somebody in between shows his own.
    TpmName shown_name() {
        if (chip_.true_answers_ == 0) {
            return chip_.foreign_name();
        }
        chip_.true_answers_ -= chip_.true_answers_ == FakeTpm::always_true ? 0 : 1;
        return chip_.name();
    }

    /// What takes the key's place has no authorization value.
    [[nodiscard]] bool is_locked() const { return chip_.shows_srk() && chip_.srk_locked_; }

    FakeTpm& chip_;
    bool raw_;
    bool uses_primary_ = false;
};

FakeTpm::FakeTpm() {
    start_pcrs();
}

void FakeTpm::start_pcrs() {
    pcrs_.clear();
    for (unsigned pcr = 0; pcr < pcr_count; ++pcr) {
        const bool ones = pcr >= 17 && pcr <= 22; // only a dynamic launch resets these to zeros
        pcrs_[pcr].assign(digest_size, ones ? std::byte{0xff} : std::byte{0});
    }
}

void FakeTpm::extend(const unsigned pcr, const std::string_view data) {
    auto& value = pcrs_.at(pcr);
    const auto digest = sha256({as_bytes(data)});
    const auto extended = sha256({value, digest});
    value.assign(extended.begin(), extended.end());
    // TCG PC Client Platform TPM Profile, 4.6.2: PCRs that leave the update counter alone.
    if (pcr != 16 && (pcr < 21 || pcr > 23)) {
        ++counter_;
    }
}

void FakeTpm::reboot() {
    start_pcrs();
    clock_ = {.time = std::chrono::seconds{10}, .reset_count = clock_.reset_count + 1, .restart_count = 0};
    sessions_.clear();
}

void FakeTpm::clear() {
    ++identity_;
    has_srk_ = false;
    srk_locked_ = false;
    sealed_.clear();
    owner_password_ = false;
    locked_out_ = false;
    failed_tries_ = 0;
}

void FakeTpm::make_srk() {
    has_srk_ = true;
}

void FakeTpm::command() {
    ++commands_;
    if (fault_.strikes()) {
        throw Error{Reason::unavailable, "the fake TPM fails as requested"};
    }
}

std::optional<Refusal> FakeTpm::refused_command() {
    ++commands_;
    if (fault_.strikes()) {
        return Refusal{RefusalKind::tpm_failed, "the fake TPM fails as requested"};
    }
    return std::nullopt;
}

std::optional<Refusal> FakeTpm::refused_use() {
    if (auto refusal = refused_command()) {
        return refusal;
    }
    if (leftovers_ >= object_slots) {
        return Refusal{RefusalKind::tpm_full, "the fake TPM is full as requested"};
    }
    return std::nullopt;
}

PcrValues FakeTpm::values(const PcrSelection selection) const {
    if (selection.bank != PcrBank::sha256) {
        return {}; // the only bank that it keeps
    }
    PcrValues values;
    for (const auto& [pcr, value] : pcrs_) {
        if ((selection.mask >> pcr & 1U) != 0) {
            values.emplace(pcr, value);
        }
    }
    return values;
}

TpmName FakeTpm::foreign_name() {
    TpmName name;
    append_u16(name, 0x000b);
    append(name, number_digest("somebody in between", 0));
    return name;
}

TpmName FakeTpm::name() const {
    TpmName name;
    append_u16(name, 0x000b);
    append(name, number_digest("srk", identity_));
    return name;
}

/// Leads a session through its steps as a TPM would.
class FakeTpm::Follower {
  public:
    explicit Follower(FakeTpm& chip)
        : chip_(chip), session_{.digest = fresh_policy(), .counter = chip.counter_} {}

    [[nodiscard]] const Session& session() const { return session_; }

    bool operator()(const PcrStep& step) {
        chip_.command();
        session_.digest = after_pcr(session_.digest, step.selection, chip_.values(step.selection));
        return true;
    }
    bool operator()(const OrStep& step) {
        chip_.command();
        const bool is_branch = std::ranges::find(step.branches, session_.digest) != step.branches.end();
        session_.digest = after_or(step.branches);
        return is_branch;
    }
    bool operator()(const AuthorizeStep& step) {
        for (int command = 0; command < 4; ++command) { // load, verify, authorize, flush
            chip_.command();
        }
        const bool is_approved = step.approved == session_.digest && !step.signature.empty();
        session_.digest = after_authorize(key_name(step.public_key));
        return is_approved;
    }
    bool operator()(const AuthorizeNvStep& step) {
        chip_.command();
        chip_.command();
        const auto held = chip_.nv_.find(step.nv_index);
        const bool is_held = held != chip_.nv_.end() && held->second == session_.digest;
        session_.digest = after_authorize_nv(name_of_nv(step.nv_index));
        return is_held;
    }
    bool operator()(const CounterStep& step) {
        chip_.command();
        session_.digest = after_counter(session_.digest, step);
        std::uint64_t wanted = 0;
        for (const std::byte byte : step.operand) {
            wanted = wanted << 8 | std::to_integer<std::uint64_t>(byte);
        }
        const auto found = step.offset == time_offset ? static_cast<std::uint64_t>(chip_.clock_.time.count())
                           : step.offset == reset_count_offset ? chip_.clock_.reset_count
                                                               : chip_.clock_.restart_count;
        switch (step.comparison) {
        case Comparison::equal:
            return found == wanted;
        case Comparison::unsigned_less:
            return found < wanted;
        case Comparison::unsigned_less_or_equal:
            return found <= wanted;
        }
        return false;
    }
    bool operator()(const PasswordStep&) {
        chip_.command();
        session_.digest = after_password(session_.digest);
        session_.wants_pin = true;
        return true;
    }

  private:
    FakeTpm& chip_;
    Session session_;
};

std::expected<FakeTpm::Session, Refusal> FakeTpm::make_session(const PolicySteps& steps) {
    Follower follower{*this};
    for (const PolicyStep& step : steps) {
        if (!std::visit(follower, step)) {
            return std::unexpected{Refusal{RefusalKind::policy_mismatch, "a step fails"}};
        }
    }
    if (disturbances_ > 0) {
        --disturbances_;
        extend(10, "disturbance");
    }
    return follower.session();
}

SealedObject FakeTpm::new_object(const PolicyDigest& policy, const bool has_pin) {
    const auto number = ++sealed_count_;
    const auto identity = number_digest("identity", identity_);
    std::vector<std::byte> hidden;
    append(hidden, sized(identity));
    append(hidden, number_digest("sealed", number));
    return {.parent = srk_handle,
            .public_area = public_area(policy, number, has_pin),
            .private_area = sized(hidden)};
}

SealedObject FakeTpm::kernel_seal(const std::string_view secret) {
    const SealedObject object = new_object({}, false);
    const auto bytes = as_bytes(secret);
    Sealed& kept = sealed_[both_areas(object)];
    kept.secret = {bytes.begin(), bytes.end()};
    kept.without_policy = true;
    return object;
}

std::expected<const FakeTpm::Sealed*, Refusal> FakeTpm::find(const SealedObject& object) const {
    const auto found = sealed_.find(both_areas(object));
    if (found == sealed_.end()) {
        return std::unexpected{Refusal{RefusalKind::object_rejected, {}}};
    }
    return &found->second;
}

std::optional<Refusal> FakeTpm::check(const Session& session, const Sealed& sealed,
                                      const SecretBytes* const pin) {
    if (session.counter != counter_) {
        return Refusal{RefusalKind::pcr_changed, {}};
    }
    if (session.digest != sealed.policy) {
        return Refusal{RefusalKind::policy_mismatch, {}};
    }
    if (session.wants_pin && (pin == nullptr || !pin->equals(sealed.pin))) {
        ++failed_tries_;
        return Refusal{RefusalKind::pin_wrong, {}};
    }
    return std::nullopt;
}

std::expected<std::vector<std::byte>, Refusal>
FakeTpm::kernel_unseal(const SealedObject& object, const std::uint32_t handle, const SecretBytes* const pin) {
    if (auto refusal = refused_use()) {
        return std::unexpected{std::move(*refusal)};
    }
    const auto sealed = find(object);
    if (!sealed) {
        return std::unexpected{sealed.error()};
    }
    if (!shows_srk() || srk_locked_) { // the kernel's TPM2_Load
        return std::unexpected{Refusal{srk_locked_ ? RefusalKind::srk_locked : RefusalKind::srk_missing, {}}};
    }
    const auto session = sessions_.find(handle);
    if (session == sessions_.end()) {
        return std::unexpected{Refusal{RefusalKind::unseal_failed, "no such session"}};
    }
    if (auto refusal = check(session->second, **sealed, pin)) {
        return std::unexpected{std::move(*refusal)};
    }
    sessions_.erase(session);
    return (*sealed)->secret;
}

bool FakeTpmOpener::wait_for_device(const std::chrono::milliseconds limit) {
    if (absent_ && appears_) {
        absent_ = false;
        return true;
    }
    waited_ += absent_ ? limit : std::chrono::milliseconds{0};
    return !absent_;
}

std::expected<std::unique_ptr<Tpm>, Refusal> FakeTpmOpener::open(const TpmAccess access) {
    ++opened_;
    if (absent_) {
        return std::unexpected{Refusal{RefusalKind::no_tpm, {}}};
    }
    const bool raw = access == TpmAccess::raw;
    if (raw && (busy_ > 0 || chip_.held_raw_)) {
        busy_ -= busy_ > 0 ? 1 : 0;
        return std::unexpected{Refusal{RefusalKind::tpm_busy, {}}};
    }
    return std::make_unique<FakeConnection>(chip_, raw);
}

} // namespace sealmount::testing
