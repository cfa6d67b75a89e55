// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/key_options.hpp"
#include "app/options/verbs.hpp"
#include "base/error.hpp"
#include "base/strict_json.hpp"
#include "core/master/recovery_key.hpp"
#include "core/unlock/rescue.hpp"
#include "sys/keyring/kernel_keyring.hpp"
#include "sys/prompt/secret_input.hpp"
#include "sys/prompt/terminal.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>

namespace sealmount {

namespace {

struct Options {
    std::string name;
    std::string lower;
    std::string mountpoint;
    std::string passphrase_file;
    std::string recovery_key_file;
    std::string filename_passphrase_file;
    std::string salt;
    bool read_write = false;
};

void check_words(const Options& words) {
    if (words.name.empty() && (words.lower.empty() || words.mountpoint.empty())) {
        throw Error{Reason::usage,
                    "say what to open: --lower DIR and --mountpoint DIR, or the NAME of a volume "
                    "in etc/sealmount below --root"};
    }
    if (words.name.empty() && !words.recovery_key_file.empty()) {
        throw Error{Reason::usage, "a recovery key opens what is in etc/sealmount below --root: give the "
                                   "volume's NAME"};
    }
    if (!words.recovery_key_file.empty() && !words.passphrase_file.empty()) {
        throw Error{Reason::usage, "--passphrase-file or --recovery-key-file: one of them is enough"};
    }
    if (!words.salt.empty()) {
        static_cast<void>(salt_of_option(words.salt));
    }
}

std::optional<SecretBytes> filename_passphrase(const Options& words) {
    return words.filename_passphrase_file.empty()
               ? std::nullopt
               : std::optional{read_secret(words.filename_passphrase_file, longest_passphrase)};
}

/// From nothing but the files.
Rescued rescue_unknown(const Options& words, const std::filesystem::path& lower,
                       const SecretBytes& passphrase) {
    PassphraseMeans means;
    if (!words.salt.empty()) {
        means.salts = {salt_of_option(words.salt)};
    }
    means.filename_passphrase = filename_passphrase(words);
    means.ask_filename_passphrase = [&]() -> std::optional<SecretBytes> {
        auto answer = terminal_prompt()->ask("Passphrase of the file names of " + lower.string() + ": ",
                                             "sealmount:recover", std::chrono::seconds{0});
        return answer ? std::optional{std::move(*answer)} : std::nullopt;
    };
    return rescue_by_passphrase(lower, passphrase, std::move(means));
}

SecretBytes answer_for(const Options& words) {
    const std::string& file =
        words.recovery_key_file.empty() ? words.passphrase_file : words.recovery_key_file;
    if (!file.empty()) {
        return read_secret(file, longest_recovery_key_text);
    }
    const std::string question = words.name.empty()
                                     ? "Mount passphrase of " + words.lower + ": "
                                     : "Passphrase or recovery key of the volume " + words.name + ": ";
    auto answer = terminal_prompt()->ask(question, "sealmount:recover", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage, std::string{"no passphrase: "} + describe(answer.error().kind) +
                                       "; without a terminal, give --passphrase-file FILE or "
                                       "--recovery-key-file FILE (- for standard input)"};
    }
    return std::move(*answer);
}

int run_recover(const Options& words, const Globals& globals) {
    check_words(words);
    const Store store{globals.paths()};
    std::filesystem::path lower = words.lower;
    std::filesystem::path mountpoint = words.mountpoint;
    if (!words.name.empty()) {
        const Volume volume = store.volume(words.name); // before anything is asked
        lower = lower.empty() ? store.paths().below_root(volume.lower) : lower;
        mountpoint = mountpoint.empty() ? store.paths().below_root(volume.mountpoint) : mountpoint;
    }
    for (const auto& directory : {lower, mountpoint}) {
        if (!std::filesystem::is_directory(directory)) {
            throw Error{Reason::no_input, directory.string() + ": is not a directory, or not there"};
        }
    }
    lower = std::filesystem::canonical(lower);
    mountpoint = std::filesystem::canonical(mountpoint);
    const SecretBytes answer = answer_for(words);
    const auto names = words.name.empty() ? std::nullopt : filename_passphrase(words);
    const Rescued rescued = words.name.empty()
                                ? rescue_unknown(words, lower, answer)
                                : rescue_from_backup(store, words.name, answer, names ? &*names : nullptr);
    const auto keyring = kernel_keyring();
    mount_rescued(*keyring, rescued, lower, mountpoint, !words.read_write);
    if (globals.json) {
        const Json json = {{"lower", lower.string()},
                           {"mountpoint", mountpoint.string()},
                           {"signature", rescued.volume.signature},
                           {"read_only", !words.read_write}};
        std::printf("%s\n", json.dump(2).c_str());
    } else {
        std::printf(
            "%s is mounted on %s, %s. Its keys are not in the keyring any more; 'umount %s' ends it.\n",
            lower.c_str(), mountpoint.c_str(), words.read_write ? "read-write" : "read-only",
            mountpoint.c_str());
    }
    return 0;
}

} // namespace

Run declare_recover(CLI::App& verb, const Globals& globals) {
    const auto words = std::make_shared<Options>();
    verb.add_option("NAME", words->name, "a volume of etc/sealmount below --root");
    verb.add_option("--lower", words->lower, "the directory with the encrypted files");
    verb.add_option("--mountpoint", words->mountpoint, "where to mount it");
    verb.add_option("--passphrase-file", words->passphrase_file,
                    "read the mount passphrase from there; - for standard input");
    verb.add_option("--filename-passphrase-file", words->filename_passphrase_file,
                    "read the passphrase of the file names from there, where they have their own");
    verb.add_option("--salt", words->salt, "without NAME: the salt of the passphrase, 16 hex digits");
    verb.add_option("--recovery-key-file", words->recovery_key_file,
                    "with NAME: read the recovery key of its master key from there");
    verb.add_flag("--read-write", words->read_write, "let the files be changed");
    return [words, &globals] { return run_recover(*words, globals); };
}

} // namespace sealmount
