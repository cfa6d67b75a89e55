// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/pause.hpp"
#include "app/verbs.hpp"
#include "base/strict_json.hpp"
#include "core/enroll.hpp"
#include "core/passphrase.hpp"
#include "core/unit_text.hpp"
#include "sys/esys_tpm.hpp"
#include "sys/kernel_keyring.hpp"
#include "sys/secret_input.hpp"
#include "sys/terminal.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace sealmount {

namespace {

/// The command line as it was written.
struct Words {
    EnrollRequest request;
    std::string pcrs = "7";
    std::string passphrase_file;
    std::string cipher;
    unsigned key_bytes = 0;
    unsigned timeout = 90;
    bool required = false;
    bool quiet = false;
};

void step(const Words& words, const Globals& globals, const char* text) {
    if (!words.quiet && !globals.json) {
        std::fprintf(stderr, "%s ...\n", text);
    }
}

SecretBytes ask(Prompt& terminal, const std::string& question) {
    auto answer = terminal.ask(question, "sealmount:enroll", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage,
                    std::string{"no passphrase: "} + describe(answer.error().kind) +
                        "; without a terminal, give --passphrase-file FILE, or - for standard input"};
    }
    return std::move(*answer);
}

SecretBytes passphrase_for(const Words& words, const Survey& survey) {
    if (!words.passphrase_file.empty()) {
        return read_secret(words.passphrase_file, longest_passphrase);
    }
    const auto terminal = terminal_prompt();
    SecretBytes passphrase = ask(*terminal, "Mount passphrase of " + words.request.volume.lower + ": ");
    // Files tell a wrong passphrase; in an empty volume a typing error would become the passphrase of all
    // files to come.
    if (survey.empty() &&
        !ask(*terminal, "The volume is empty. Once more, to be sure: ").equals(passphrase.bytes())) {
        throw Error{Reason::usage, "the two passphrases differ: nothing was written"};
    }
    return passphrase;
}

void print_json(const Enrolled& enrolled, const std::vector<std::string>& warnings) {
    const Volume& volume = enrolled.volume;
    Json json = {
        {"name", volume.name},
        {"lower", volume.lower},
        {"mountpoint", volume.mountpoint},
        {"signature", volume.signature},
        {"filename_signature", volume.filename_signature ? Json(*volume.filename_signature) : Json(nullptr)},
        {"cipher", volume.cipher},
        {"key_bytes", volume.key_bytes},
        {"master", volume.master},
        {"mount_unit", mount_unit_name(volume.mountpoint)},
        {"new_master", enrolled.new_master},
        {"new_srk", enrolled.new_srk},
        {"proved_in_kernel", enrolled.proved_in_kernel},
        {"files", enrolled.files},
        {"warnings", warnings}};
    std::printf("%s\n", json.dump(2).c_str());
}

/// "'WORD'" for a shell, where WORD has characters that it would take for its own.
std::string shell_word(const std::string& word) {
    return word.find('\\') == std::string::npos ? word : "'" + word + "'";
}

void print_words(const Enrolled& enrolled, const Globals& globals) {
    const Volume& volume = enrolled.volume;
    std::printf("Enrolled %s: %s on %s\n", volume.name.c_str(), volume.lower.c_str(),
                volume.mountpoint.c_str());
    std::printf("  key        %s (%s, %u bytes)\n", volume.signature.c_str(), volume.cipher.c_str(),
                volume.key_bytes);
    if (volume.filename_signature) {
        std::printf("  file names %s (%s, %u bytes)\n", volume.filename_signature->c_str(),
                    volume.filename_cipher.c_str(), volume.filename_key_bytes);
    }
    std::printf("  master key %s%s\n", volume.master.c_str(),
                enrolled.new_master ? " (new, sealed by the TPM)" : "");
    std::printf("  proved     %s\n", enrolled.proved_in_kernel
                                         ? "unsealed, compared, and loaded by the kernel"
                                         : "unsealed and compared; not by the kernel, which has no "
                                           "trusted keys or another TPM");
    std::printf("Keep the passphrase: it opens the volume when the TPM cannot. Back up %s.\n",
                globals.paths().configuration().c_str());
    if (globals.paths().is_running_system()) {
        std::printf(
            "It mounts at the next boot. To mount it now:\n  systemctl daemon-reload && systemctl start %s\n",
            shell_word(mount_unit_name(volume.mountpoint)).c_str());
    }
}

int run_enroll(Words& words, const Globals& globals) {
    EnrollRequest& request = words.request;
    request.pcrs = parse_pcr_selection(words.pcrs);
    request.volume.timeout = std::chrono::seconds{words.timeout};
    request.volume.nofail = !words.required;
    if (!words.cipher.empty()) {
        request.cipher = words.cipher;
    }
    if (words.key_bytes != 0) {
        request.key_bytes = words.key_bytes;
    }
    const Store store{globals.paths()};
    const auto tpm = chosen_tpm(globals);
    const auto keyring = kernel_keyring();
    const EnrollWorld world{store, *tpm, *keyring, pause_between_tries, globals.tcti.empty()};

    EnrollDraft draft = prepare_enrollment(world, request);
    if (!globals.json) {
        for (const std::string& warning : draft.warnings) {
            std::fprintf(stderr, "sealmount: warning: %s\n", warning.c_str());
        }
    }
    const SecretBytes passphrase = passphrase_for(words, draft.survey);
    const FileLock lock = store.lock();
    step(words, globals, "Deriving the keys, sealing and proving them");
    const Enrolled enrolled = enroll(world, draft, passphrase);
    if (globals.json) {
        print_json(enrolled, draft.warnings);
    } else if (!words.quiet) {
        print_words(enrolled, globals);
    }
    return 0;
}

} // namespace

Run declare_enroll(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Words>();
    Volume& volume = words->request.volume;
    verb.add_option("NAME", volume.name, "the volume's name")->required();
    verb.add_option("--lower", volume.lower, "the directory with the encrypted files")->required();
    verb.add_option("--mountpoint", volume.mountpoint, "where the volume is to be mounted")->required();
    verb.add_option("--passphrase-file", words->passphrase_file,
                    "read the mount passphrase from there; - for standard input");
    verb.add_flag("--filename-encryption", words->request.filename_encryption,
                  "the volume encrypts file names (detected unless it is empty)");
    verb.add_option("--cipher", words->cipher, "the cipher, for an empty volume (aes)");
    verb.add_option("--key-bytes", words->key_bytes, "its key size, for an empty volume (16)");
    verb.add_option("--master", volume.master, "the master key to put the volume under (default)")
        ->capture_default_str();
    verb.add_option("--pcrs", words->pcrs,
                    "for a new master key: the PCRs that must not change, as 7+11:sha256")
        ->capture_default_str();
    verb.add_option("--option", volume.options, "a further mount option, such as nosuid; repeatable")
        ->allow_extra_args(false);
    verb.add_flag("--required", words->required, "the boot fails without the volume (default: it goes on)");
    verb.add_flag("--noauto", volume.noauto, "do not mount at boot");
    verb.add_flag("--headless", volume.headless, "never ask for the passphrase");
    verb.add_option("--timeout", words->timeout, "seconds to wait for each answer")->capture_default_str();
    verb.add_flag("--quiet", words->quiet, "say nothing when all is well");
    return [words, &globals] { return run_enroll(*words, globals); };
}

} // namespace sealmount
