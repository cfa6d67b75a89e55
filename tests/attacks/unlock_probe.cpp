// The unlock story with a real TPM and a fake kernel without trusted keys, so that attacks can be tried on
// it. Usage: unlock_probe ROOT TCTI VOLUME PIN. Prints how it ended; nobody is asked.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"
#include "core/unlock/unlock.hpp"
#include "fakes/fake_keyring.hpp"
#include "fakes/fake_prompt.hpp"
#include "sys/tpm/esys_connection.hpp"

#include <cstdio>
#include <span>
#include <string>

namespace sealmount::testing {

namespace {

class Printer final : public UnlockObserver {
  public:
    void begins(const Volume&) override {}
    void step(UnlockStep) override {}
    void falls_back(const Volume&, const MasterRefusal& refusal) override { print(with_detail(refusal)); }
    void master_refused(const Volume&, const MasterRefusal& refusal) override {
        print(with_detail(refusal));
        for (const SlotRefusal& slot : refusal.slots) {
            for (const Problem& line : lines_about(slot)) {
                print(line.message);
            }
        }
    }
    void credential_wrong(const Volume&) override {}
    void passphrase_wrong(const Volume&, unsigned) override {}
    void pin_wrong(const Volume&, unsigned) override { print("wrong PIN"); }
    void recovery_key_useless(const Volume&, const std::string& why) override { print(why); }
    void rebound(const Volume&, const std::optional<Renewed>&) override {}
    void not_rebound(const Volume&, const Error& why) override { print(why.what()); }
    void user_key_in_the_way(const Volume&, std::string_view) override {}

    static void print(const std::string& line) { std::printf("%s\n", line.c_str()); }
};

int unlock(const std::span<char*> arguments) {
    const Store store{Paths{arguments[1]}};
    const auto tpm = tpm_at(arguments[2]);
    FakeKeyring keyring; // without trusted keys
    FakePrompt nobody;
    Printer printer;
    const std::string pin = arguments[4];
    const Machine machine{.tpm = *tpm, .keyring = keyring, .prompt = nobody, .backoff = [](unsigned) {}};
    const auto unlocked = load_volume(
        {.machine = machine,
         .store = store,
         .observer = printer,
         .pin_credential =
             [&] { return pin.empty() ? std::nullopt : std::optional{SecretBytes{as_bytes(pin)}}; }},
        arguments[3]);
    if (!unlocked) {
        Printer::print("not unlocked: " + with_detail(unlocked.error()));
        return 1;
    }
    Printer::print(unlocked->method == UnlockMethod::tpm ? "unlocked: tpm" : "unlocked");
    return 0;
}

} // namespace

} // namespace sealmount::testing

int main(const int count, char** const values) {
    constexpr int wanted = 5;
    if (count != wanted) {
        return 64;
    }
    try {
        return sealmount::testing::unlock({values, static_cast<std::size_t>(count)});
    } catch (const sealmount::Error& error) {
        std::printf("%s\n", error.what());
        return 70;
    }
}
