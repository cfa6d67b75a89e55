// What a Keyring promises, held against the fake and against the kernel. Requires nothing else; if the
// kernel has trusted keys and there is a software TPM (in a virtual machine), they are tried as well.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "base/hex.hpp"
#include "base/unique_fd.hpp"
#include "core/ecryptfs/encrypted_key.hpp"
#include "core/master/tpm_key.hpp"
#include "core/policy/pcr_policy.hpp"
#include "fakes/fake_keyring.hpp"
#include "fakes/fake_tpm.hpp"
#include "sys/crypto/crypto.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <functional>
#include <ostream>
#include <unistd.h>

namespace sealmount::testing {

namespace {

class KeyringUnderTest {
  public:
    KeyringUnderTest() = default;
    KeyringUnderTest(const KeyringUnderTest&) = delete;
    KeyringUnderTest& operator=(const KeyringUnderTest&) = delete;
    virtual ~KeyringUnderTest() = default;
    virtual Keyring& keyring() = 0;
    /// The TPM behind the trusted keys; nullptr without.
    virtual TpmOpener* tpm() = 0;
    virtual bool readable(const std::string& signature) = 0;
    virtual bool has_master(const std::string& type, const std::string& name) = 0;
    virtual void add_user_key(const std::string& signature, const std::string& payload = "x") = 0;
    virtual void remove_user_key(const std::string& signature) = 0;
};

class FakeSubject final : public KeyringUnderTest {
  public:
    explicit FakeSubject(const bool trusted) : trusted_(trusted) {}
    Keyring& keyring() override { return trusted_ ? with_tpm_ : without_tpm_; }
    TpmOpener* tpm() override { return trusted_ ? &opener_ : nullptr; }
    bool readable(const std::string& signature) override { return fake().readable(signature); }
    bool has_master(const std::string& type, const std::string& name) override {
        return fake().has_master(type + ":" + name);
    }
    void add_user_key(const std::string& signature, const std::string& payload) override {
        const auto bytes = as_bytes(payload);
        fake().add_user_key(signature, {bytes.begin(), bytes.end()});
    }
    void remove_user_key(const std::string& signature) override { fake().remove_user_key(signature); }

  private:
    FakeKeyring& fake() { return trusted_ ? with_tpm_ : without_tpm_; }

    bool trusted_;
    FakeTpm chip_;
    FakeTpmOpener opener_{chip_};
    FakeKeyring with_tpm_{chip_};
    FakeKeyring without_tpm_;
};

/// TPM2_GetCapability of TPM_PT_VENDOR_STRING_1 on a device: "SW  "? Only then may tests write to that TPM.
bool is_software_tpm(const char* const node) {
    constexpr std::array<unsigned char, 22> ask = {0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0,
                                                   0,    0,    6, 0, 0, 1,  6, 0, 0,    0,    1};
    const UniqueFd device{::open(node, O_RDWR | O_CLOEXEC)};
    std::array<char, 64> answer = {};
    return device && ::write(device.get(), ask.data(), ask.size()) == static_cast<ssize_t>(ask.size()) &&
           ::read(device.get(), answer.data(), answer.size()) >= 27 &&
           std::string_view{answer.data() + 23, 4} == "SW  ";
}

class KernelSubject final : public KeyringUnderTest {
  public:
    Keyring& keyring() override { return *keyring_; }
    TpmOpener* tpm() override {
        return keyring_->has_trusted_keys() && software_tpm_ ? opener_.get() : nullptr;
    }
    bool readable(const std::string& signature) override {
        const auto id = ::keyctl_search(KEY_SPEC_USER_KEYRING, "encrypted", signature.c_str(), 0);
        if (id < 0) {
            return true; // not even there: the test shall fail
        }
        const auto key = static_cast<key_serial_t>(id);
        const std::string rewrap = "update user:known";
        return ::keyctl_setperm(key, KEY_POS_ALL) >= 0 ||
               ::keyctl_update(key, rewrap.data(), rewrap.size()) >= 0 || ::keyctl_chown(key, 0, 0) >= 0 ||
               possessor_reads(key);
    }
    bool has_master(const std::string& type, const std::string& name) override {
        return ::keyctl_search(KEY_SPEC_PROCESS_KEYRING, type.c_str(), name.c_str(), 0) >= 0;
    }
    void add_user_key(const std::string& signature, const std::string& payload) override {
        if (::add_key("user", signature.c_str(), payload.data(), payload.size(), KEY_SPEC_USER_KEYRING) < 0) {
            throw_errno(errno, "add_key");
        }
    }
    void remove_user_key(const std::string& signature) override {
        const auto id = ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature.c_str(), 0);
        if (id >= 0) {
            ::keyctl_unlink(static_cast<key_serial_t>(id), KEY_SPEC_USER_KEYRING);
        }
    }

  private:
    /// With the user keyring linked, this process possesses the key, and the kernel lets a possessor read
    /// whatever the permissions say (security/keys/keyctl.c, keyctl_read_key), if only it finds the master
    /// key.
    static bool possessor_reads(const key_serial_t key) {
        EXPECT_EQ(::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING), 0);
        std::array<char, 16384> text{};
        const bool read = ::keyctl_read(key, text.data(), text.size()) >= 0;
        ::keyctl_unlink(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
        return read;
    }

    std::unique_ptr<Keyring> keyring_ = kernel_keyring();
    bool software_tpm_ = is_software_tpm("/dev/tpm0");
    std::unique_ptr<TpmOpener> opener_ = machine_tpm();
};

struct SubjectMaker {
    const char* name;
    std::function<std::unique_ptr<KeyringUnderTest>()> make;
};

void PrintTo(const SubjectMaker& maker, std::ostream* const stream) {
    *stream << maker.name;
}

// Signatures that no volume has.
constexpr auto signature = "00005ea100005ea1";
constexpr auto other_signature = "00005ea100005ea2";
constexpr auto name = "sealmount-contract";
constexpr auto other_name = "sealmount-contract-2";

class KeyringContract : public ::testing::TestWithParam<SubjectMaker> {
  protected:
    void SetUp() override { subject_ = GetParam().make(); }

    void TearDown() override {
        for (const auto* const left : {signature, other_signature}) {
            keyring().unload_volume_key(left);
            subject_->remove_user_key(left);
        }
        keyring().drop_master(name);
        EXPECT_EQ(SecretBytes::alive(), 0U);
    }

    Keyring& keyring() { return subject_->keyring(); }

    static SecretBytes master(const char letter = 'm') {
        return SecretBytes{as_bytes(std::string(master_key_size, letter))};
    }
    static std::string text(const std::string& type = "user", const char letter = 'm') {
        const SecretBytes fekek{as_bytes(std::string(fekek_size, 'f'))};
        return compose_encrypted_key(type + ":" + name, master(letter), fekek, Bytes(16, std::byte{7}));
    }

    std::unique_ptr<KeyringUnderTest> subject_;
};

TEST_P(KeyringContract, LoadedKeyIsFoundUntilUnloaded) {
    EXPECT_FALSE(keyring().has_volume_key(signature));
    keyring().load_user_master(name, master());
    const auto loaded = keyring().load_volume_key(signature, text());
    ASSERT_TRUE(loaded) << loaded.error().detail;
    EXPECT_TRUE(keyring().has_volume_key(signature));
    EXPECT_FALSE(keyring().has_volume_key(other_signature));
    EXPECT_TRUE(keyring().unload_volume_key(signature));
    EXPECT_FALSE(keyring().has_volume_key(signature));
    EXPECT_FALSE(keyring().unload_volume_key(signature));
}

TEST_P(KeyringContract, LoadedKeyCannotBeRewrappedNorWidened) {
    keyring().load_user_master(name, master());
    ASSERT_TRUE(keyring().load_volume_key(signature, text()));
    EXPECT_FALSE(subject_->readable(signature));
    EXPECT_TRUE(keyring().has_volume_key(signature));
}

TEST_P(KeyringContract, LoadedKeyOutlivesItsMaster) {
    keyring().load_user_master(name, master());
    ASSERT_TRUE(keyring().load_volume_key(signature, text()));
    keyring().drop_master(name);
    EXPECT_TRUE(keyring().has_volume_key(signature));
}

TEST_P(KeyringContract, SecondLoadIsAnErrorAndHarmless) {
    keyring().load_user_master(name, master());
    ASSERT_TRUE(keyring().load_volume_key(signature, text()));
    EXPECT_THROW(static_cast<void>(keyring().load_volume_key(signature, text())), Error);
    EXPECT_TRUE(keyring().has_volume_key(signature));
}

TEST_P(KeyringContract, DroppedMasterOpensNothing) {
    keyring().load_user_master(name, master());
    EXPECT_TRUE(subject_->has_master("user", name));
    keyring().drop_master(name);
    EXPECT_FALSE(subject_->has_master("user", name));
    keyring().drop_master(name);
    EXPECT_THROW(static_cast<void>(keyring().load_volume_key(signature, text())), Error);
    EXPECT_FALSE(keyring().has_volume_key(signature));
}

TEST_P(KeyringContract, NewMasterReplacesTheOld) {
    keyring().load_user_master(name, master('a'));
    keyring().load_user_master(name, master('b'));
    EXPECT_TRUE(keyring().load_volume_key(signature, text("user", 'b')));
}

TEST_P(KeyringContract, TextUnderAnotherMasterIsRejected) {
    keyring().load_user_master(name, master('a'));
    const auto loaded = keyring().load_volume_key(signature, text("user", 'b'));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, RefusalKind::text_rejected);
    EXPECT_FALSE(keyring().has_volume_key(signature));
}

TEST_P(KeyringContract, DamagedTextIsRejected) {
    keyring().load_user_master(name, master());
    auto flipped = text();
    flipped.back() = flipped.back() == '0' ? '1' : '0';
    for (const auto& damaged : {flipped, text() + "\n", text().substr(0, 60), std::string{"nonsense"}}) {
        const auto loaded = keyring().load_volume_key(signature, damaged);
        ASSERT_FALSE(loaded) << damaged;
        EXPECT_EQ(loaded.error().kind, RefusalKind::text_rejected) << damaged;
        const auto proved = keyring().prove_volume_key(signature, damaged);
        ASSERT_FALSE(proved) << damaged;
        EXPECT_EQ(proved.error().kind, RefusalKind::text_rejected) << damaged;
    }
    EXPECT_FALSE(keyring().has_volume_key(signature));
}

TEST_P(KeyringContract, ProofLeavesNothing) {
    keyring().load_user_master(name, master());
    const auto proved = keyring().prove_volume_key(signature, text());
    EXPECT_TRUE(proved) << proved.error().detail;
    EXPECT_FALSE(keyring().has_volume_key(signature));
    EXPECT_FALSE(subject_->has_master("encrypted", signature));
    EXPECT_TRUE(keyring().prove_volume_key(signature, text()));
}

/// What the proof of a master file rests on: the kernel itself refuses every other vector, name of the master
/// key, format, length, contents and HMAC.
TEST_P(KeyringContract, EveryPartOfAProofIsAuthenticated) {
    ProofDigest digest{};
    digest.fill(std::byte{9});
    for (const char letter : {'a', 'b'}) {
        keyring().load_user_master(letter == 'a' ? name : other_name, master('a'));
    }
    const std::string good = compose_proof(std::string{"user:"} + name, master('a'), digest);
    const auto loaded = keyring().prove_volume_key("sealmount:default", good);
    ASSERT_TRUE(loaded) << loaded.error().detail;
    const std::size_t hex = good.rfind(' ') + 1;
    const std::size_t ignored = hex + 32; // the zero byte between vector and contents
    for (std::size_t at = hex; at < good.size(); ++at) {
        std::string edited = good;
        edited[at] = edited[at] == '0' ? '1' : '0';
        const bool is_ignored = at == ignored || at == ignored + 1;
        const auto proved = keyring().prove_volume_key("sealmount:default", edited);
        if (!is_ignored) {
            ASSERT_FALSE(proved) << "digit " << at - hex;
            EXPECT_EQ(proved.error().kind, RefusalKind::text_rejected) << "digit " << at - hex;
        }
    }
    const std::string blob = good.substr(hex);
    EXPECT_FALSE(keyring().prove_volume_key("sealmount:default",
                                            std::string{"default user:"} + other_name + " 32 " + blob))
        << "the same master key under another name";
    EXPECT_FALSE(
        keyring().prove_volume_key("sealmount:default", std::string{"default user:"} + name + " 31 " + blob));
    EXPECT_FALSE(keyring().prove_volume_key(signature, std::string{"ecryptfs user:"} + name + " 32 " + blob));
    keyring().drop_master(other_name);
    EXPECT_FALSE(subject_->has_master("encrypted", "sealmount:default"));
}

TEST_P(KeyringContract, AVectorSaysWhoseKeyItIs) {
    keyring().load_user_master(name, master());
    const SecretBytes fekek{as_bytes(std::string(fekek_size, 'f'))};
    const std::string good =
        compose_encrypted_key(std::string{"user:"} + name, master(), fekek, bound_vector(signature));
    EXPECT_TRUE(is_bound(good, signature));
    EXPECT_FALSE(is_bound(good, other_signature));
    EXPECT_TRUE(keyring().prove_volume_key(signature, good));
    std::string other = good;
    other.replace(good.rfind(' ') + 1, 32, to_hex(bound_vector(other_signature)));
    EXPECT_TRUE(is_bound(other, other_signature));
    EXPECT_FALSE(keyring().prove_volume_key(other_signature, other));
}

TEST_P(KeyringContract, ProofWorksBesideALoadedKey) {
    keyring().load_user_master(name, master());
    ASSERT_TRUE(keyring().load_volume_key(signature, text()));
    EXPECT_TRUE(keyring().prove_volume_key(signature, text()));
    EXPECT_TRUE(keyring().has_volume_key(signature));
    EXPECT_FALSE(subject_->readable(signature));
}

TEST_P(KeyringContract, UserKeysAreToldFromVolumeKeys) {
    subject_->add_user_key(signature);
    EXPECT_TRUE(keyring().has_user_key(signature));
    EXPECT_FALSE(keyring().has_volume_key(signature));
    subject_->remove_user_key(signature);
    EXPECT_FALSE(keyring().has_user_key(signature));
}

std::string text_of(const std::optional<SecretBytes>& payload) {
    if (!payload) {
        return "(none)";
    }
    const auto bytes = payload->bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_P(KeyringContract, UserKeysAreReadAndDropped) {
    EXPECT_FALSE(keyring().read_user_key(signature, 100));
    EXPECT_FALSE(keyring().drop_user_key(signature));
    subject_->add_user_key(signature, "a token");
    subject_->add_user_key(other_signature, "another");
    EXPECT_EQ(text_of(keyring().read_user_key(signature, 100)), "a token");
    EXPECT_EQ(text_of(keyring().read_user_key(signature, 7)), "a token");
    EXPECT_THROW(static_cast<void>(keyring().read_user_key(signature, 6)), Error);
    EXPECT_TRUE(keyring().drop_user_key(signature));
    EXPECT_FALSE(keyring().read_user_key(signature, 100));
    EXPECT_EQ(text_of(keyring().read_user_key(other_signature, 100)), "another");
}

TEST_P(KeyringContract, AVolumeKeyIsNoUserKey) {
    keyring().load_user_master(name, master());
    ASSERT_TRUE(keyring().load_volume_key(signature, text()));
    EXPECT_FALSE(keyring().read_user_key(signature, 1000));
    EXPECT_FALSE(keyring().drop_user_key(signature));
    EXPECT_TRUE(keyring().has_volume_key(signature));
}

/// Joining another session is for good, so a child does it.
int in_a_session_of_its_own(const std::function<bool()>& check) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(::keyctl_join_session_keyring(nullptr) >= 0 && check() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status;
}

TEST(KernelKeyringTest, ASessionWithoutTheUserKeyringReadsAndDropsItsKeys) {
    KernelSubject subject;
    subject.add_user_key(signature, "a token");
    EXPECT_EQ(in_a_session_of_its_own([&] {
                  const auto id = ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature, 0);
                  std::array<char, 16> text{};
                  // Without possession the kernel refuses, and does so afterwards.
                  const auto closed = [&] {
                      return ::keyctl_read(static_cast<key_serial_t>(id), text.data(), text.size()) < 0;
                  };
                  return closed() && text_of(subject.keyring().read_user_key(signature, 100)) == "a token" &&
                         closed() && subject.keyring().drop_user_key(signature);
              }),
              0);
    EXPECT_FALSE(subject.keyring().has_user_key(signature));
}

TEST(KernelKeyringTest, AKeyOfTheSessionAloneIsReadAndDropped) {
    EXPECT_EQ(in_a_session_of_its_own([] {
                  KernelSubject subject;
                  return ::add_key("user", signature, "a token", 7, KEY_SPEC_SESSION_KEYRING) >= 0 &&
                         text_of(subject.keyring().read_user_key(signature, 100)) == "a token" &&
                         subject.keyring().drop_user_key(signature) &&
                         !subject.keyring().read_user_key(signature, 100);
              }),
              0);
}

TEST_P(KeyringContract, KernelWithoutTrustedKeysSaysSo) {
    if (keyring().has_trusted_keys()) {
        GTEST_SKIP() << "this kernel has trusted keys";
    }
    const auto master_loaded = keyring().load_trusted_master(name, Bytes(64), 0x03000000);
    ASSERT_FALSE(master_loaded);
    EXPECT_EQ(master_loaded.error().kind, RefusalKind::key_type_absent);
    const auto loaded = keyring().load_volume_key(signature, text("trusted"));
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, RefusalKind::key_type_absent);
}

TEST_P(KeyringContract, TrustedMastersAreTakenWhereTheTypeIs) {
    const auto taken = keyring().takes_trusted_masters();
    ASSERT_TRUE(taken) << taken.error().detail;
    EXPECT_TRUE(*taken || !keyring().has_trusted_keys() || subject_->tpm() == nullptr);
    EXPECT_TRUE(!*taken || keyring().has_trusted_keys());
    EXPECT_FALSE(keyring().has_volume_key("0000000000000000")) << "the probe leaves nothing";
}

class TrustedKeyringContract : public KeyringContract {
  protected:
    void SetUp() override {
        KeyringContract::SetUp();
        if (subject_->tpm() == nullptr) {
            GTEST_SKIP() << "no trusted keys, or no software TPM under them";
        }
        tpm_ = subject_->tpm()->open(TpmAccess::raw).value();
        if (!tpm_->srk_name()) {
            static_cast<void>(tpm_->make_srk());
        }
        const auto values = tpm_->read_pcrs(pcrs).values;
        blob_ = write_tpm_key(tpm_->seal(tpm_->srk_name().value(), master(),
                                         policy_digest({.bank = pcrs.bank, .values = values}))
                                  .value());
    }

    static constexpr PcrSelection pcrs = {.bank = PcrBank::sha256, .mask = 1U << 16};
    std::unique_ptr<Tpm> tpm_;
    std::vector<std::byte> blob_;
};

TEST_P(TrustedKeyringContract, SessionOfOursReleasesTheMasterIntoTheKernel) {
    const auto session = tpm_->start_policy_session({PcrStep{pcrs}}).value();
    const auto loaded = keyring().load_trusted_master(name, blob_, session->handle());
    ASSERT_TRUE(loaded) << loaded.error().detail;
    EXPECT_TRUE(subject_->has_master("trusted", name));
    const auto key = keyring().load_volume_key(signature, text("trusted"));
    ASSERT_TRUE(key) << key.error().detail;
    EXPECT_FALSE(subject_->readable(signature));
    EXPECT_TRUE(keyring().prove_volume_key(other_signature, text("trusted")));
    keyring().drop_master(name);
    EXPECT_FALSE(subject_->has_master("trusted", name));
}

TEST_P(TrustedKeyringContract, SessionOverOtherPcrsIsRefused) {
    const auto session = tpm_->start_policy_session({PcrStep{{.bank = PcrBank::sha256, .mask = 3U}}}).value();
    const auto loaded = keyring().load_trusted_master(name, blob_, session->handle());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, RefusalKind::unseal_failed);
    EXPECT_FALSE(subject_->has_master("trusted", name));
}

TEST_P(TrustedKeyringContract, HandleOfNoSessionIsRefused) {
    const auto loaded = keyring().load_trusted_master(name, blob_, 0x0300003f);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, RefusalKind::unseal_failed);
}

TEST_P(TrustedKeyringContract, BlobThatIsNoneIsRejected) {
    const auto session = tpm_->start_policy_session({PcrStep{pcrs}}).value();
    const auto loaded = keyring().load_trusted_master(name, Bytes(64), session->handle());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, RefusalKind::object_rejected);
}

const auto subjects = ::testing::Values(
    SubjectMaker{"fake", [] { return std::make_unique<FakeSubject>(false); }},
    SubjectMaker{"fake_with_trusted_keys", [] { return std::make_unique<FakeSubject>(true); }},
    SubjectMaker{"kernel", [] { return std::make_unique<KernelSubject>(); }});

std::string name_of(const ::testing::TestParamInfo<SubjectMaker>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Subjects, KeyringContract, subjects, name_of);
INSTANTIATE_TEST_SUITE_P(Subjects, TrustedKeyringContract, subjects, name_of);

} // namespace

} // namespace sealmount::testing
