// SPDX-License-Identifier: LGPL-2.1-or-later
#include "app/options/key_options.hpp"

#include "app/options/recovery_options.hpp"
#include "base/error.hpp"
#include "core/ecryptfs/wrapped_passphrase.hpp"
#include "core/import/fstab_import.hpp"
#include "core/volume/manifest_rules.hpp"
#include "sys/files/files.hpp"
#include "sys/files/home.hpp"
#include "sys/prompt/credentials.hpp"
#include "sys/prompt/secret_input.hpp"
#include "sys/prompt/terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sealmount {

namespace {

constexpr unsigned generate_tries = 3;
constexpr std::size_t longest_rc_file = 65536;
constexpr std::size_t longest_option_file = 1024; // it is read into locked memory

std::optional<SecretBytes> ask(const std::string& question) {
    auto answer = terminal_prompt()->ask(question, "sealmount:enroll", std::chrono::seconds{0});
    return answer ? std::optional{std::move(*answer)} : std::nullopt;
}

constexpr const char* all_ways = "--passphrase-file FILE (- for standard input), --passphrase-credential ID, "
                                 "--fekek-file FILE or --from-keyring SIG";

/// `ways`: the options that would answer it.
SecretBytes ask_or_throw(const std::string& question, const char* const ways = all_ways) {
    auto answer = terminal_prompt()->ask(question, "sealmount:enroll", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage, std::string{"no passphrase: "} + describe(answer.error().kind) +
                                       "; without a terminal, give " + ways};
    }
    return std::move(*answer);
}

SecretBytes passphrase_of_option_file(const std::string& file) {
    auto passphrase = passphrase_in_file(read_binary_secret(file, longest_option_file));
    if (!passphrase) {
        throw Error{Reason::bad_data,
                    file + ": has no line \"passphrase_passwd=PASSPHRASE\", as mount.ecryptfs wants it"};
    }
    return std::move(*passphrase);
}

/// A new one, for an empty volume. Nobody has it but who sees it now.
SecretBytes generated_passphrase(const KeyOptions& words, const std::string& lower, const Survey& survey,
                                 const Globals& globals) {
    constexpr std::size_t random_size = 16;
    constexpr std::size_t group_size = 8;
    if (!survey.empty_of_keys()) {
        throw Error{Reason::refused, lower + " has encrypted files, which a new passphrase would not open: "
                                             "--generate is for an empty volume"};
    }
    if (!is_seen(globals)) {
        throw Error{Reason::usage,
                    "--generate shows the passphrase on a terminal, this once: run it on one, or make a "
                    "passphrase yourself and give it with --passphrase-file"};
    }
    SecretBytes passphrase = modhex_groups(random_secret(random_size));
    std::printf("The passphrase of %s, dashes and all:\n", lower.c_str());
    show_secret(passphrase, "cannot show the passphrase: nothing was written");
    std::printf("Write it down or scan it, and keep it away from this machine. It is not shown again.\n");
    for (unsigned tries_left = generate_tries; !words.yes; --tries_left) {
        if (tries_left == 0) {
            throw Error{Reason::usage, "that is not what was shown: nothing was written"};
        }
        if (ask_or_throw("To be sure that you have it, type its last group: ")
                .equals(passphrase.bytes().last(group_size))) {
            break;
        }
    }
    return passphrase;
}

/// What a person must know for it: of the volume, or of the file that has it wrapped.
SecretBytes known_passphrase(const KeyOptions& words, const std::string& lower, const Survey& survey,
                             const Globals& globals) {
    if (words.generate) {
        return generated_passphrase(words, lower, survey, globals);
    }
    if (!words.passphrase_file.empty()) {
        return read_secret(words.passphrase_file, longest_passphrase);
    }
    if (!words.passphrase_option_file.empty()) {
        return passphrase_of_option_file(words.passphrase_option_file);
    }
    if (!words.passphrase_credential.empty()) {
        return read_credential(words.passphrase_credential, longest_passphrase);
    }
    if (!words.question.empty()) {
        return ask_or_throw(words.question, "--passphrase-file FILE");
    }
    if (!words.wrapped_passphrase.empty()) {
        return ask_or_throw("Wrapping passphrase of " + words.wrapped_passphrase + ": ");
    }
    SecretBytes passphrase = ask_or_throw("Mount passphrase of " + lower + ": ");
    // Files tell a wrong passphrase; in an empty volume a typing error would become the passphrase of all
    // files to come.
    if (survey.empty_of_keys() &&
        !ask_or_throw("The volume is empty. Once more, to be sure: ").equals(passphrase.bytes())) {
        throw Error{Reason::usage, "the two passphrases differ: nothing was written"};
    }
    return passphrase;
}

/// The salt in the ~/.ecryptfsrc of a user. What cannot be read names none.
std::optional<Salt> salt_of_user(const Paths& paths, const uid_t user) {
    const auto home = home_of(user);
    if (!home) {
        return std::nullopt;
    }
    const auto text =
        read_users_file(paths.below_root((*home / ".ecryptfsrc").string()), user, longest_rc_file);
    return text ? salt_in_rc(*text) : std::nullopt;
}

/// Root's own comes first: an empty volume gets the key that ecryptfs-utils would make of the passphrase.
std::vector<Salt> salts_for(const KeyOptions& words, const std::string& lower, const Paths& paths) {
    if (!words.salt.empty()) {
        return {salt_of_option(words.salt)};
    }
    std::vector<Salt> salts;
    const auto add = [&salts](const std::optional<Salt>& salt) {
        if (salt && std::ranges::count(salts, *salt) == 0) {
            salts.push_back(*salt);
        }
    };
    constexpr uid_t root_user = 0;
    add(salt_of_user(paths, root_user));
    add(content_salt);
    if (const auto owner = owner_of(paths.below_root(lower))) {
        add(salt_of_user(paths, *owner));
    }
    return salts;
}

SecretBytes unwrapped(const KeyOptions& words, const SecretBytes& wrapping, const std::vector<Salt>& salts) {
    const SecretBytes file = words.wrapped_contents.empty()
                                 ? read_binary_secret(words.wrapped_passphrase, longest_wrapped_file)
                                 : SecretBytes{as_bytes(words.wrapped_contents)};
    try {
        return unwrap_passphrase(file.bytes(), wrapping, salts);
    } catch (const Error& error) {
        throw error.in(words.wrapped_passphrase);
    }
}

SecretBytes fekek_in(const std::string& file) {
    SecretBytes key = read_binary_secret(file, fekek_size);
    if (key.size() != fekek_size) {
        throw Error{Reason::bad_data, file +
                                          ": a key of eCryptfs has 64 bytes, as they are, without hex digits "
                                          "or line end; this file has " +
                                          std::to_string(key.size())};
    }
    return key;
}

std::optional<SecretBytes> fekek_if_named(const std::string& file) {
    return file.empty() ? std::nullopt : std::optional{fekek_in(file)};
}

} // namespace

void add_key_options(CLI::App& verb, KeyOptions& words) {
    verb.add_option("--passphrase-file", words.passphrase_file,
                    "read the mount passphrase from there; - for standard input");
    verb.add_option("--passphrase-credential", words.passphrase_credential,
                    "read it from the systemd credential of this name");
    verb.add_flag("--generate", words.generate,
                  "make a passphrase for an empty volume, and show it this once, with a QR code");
    verb.add_flag("--yes", words.yes, "with it: do not ask for part of it");
    verb.add_option(
        "--wrapped-passphrase", words.wrapped_passphrase,
        "take it out of this file of ecryptfs-wrap-passphrase; asked for, or read from the above, is "
        "its wrapping passphrase then");
    verb.add_option("--filename-passphrase-file", words.filename_passphrase_file,
                    "read the passphrase of the file names from there, where they have their own");
    verb.add_option("--salt", words.salt,
                    "the salt of the passphrase, 16 hex digits (that of ~/.ecryptfsrc)");
    verb.add_option("--fekek-file", words.fekek_file, "read the key itself from there: 64 bytes");
    verb.add_option("--filename-fekek-file", words.filename_fekek_file,
                    "with it: the key of the file names, where they have their own");
    verb.add_option("--from-keyring", words.from_keyring,
                    "take the key of this signature that ecryptfs-add-passphrase put into the keyring");
    verb.add_option("--filename-key", words.filename_key,
                    "with it, for an empty volume: the signature of the key of the file names");
    verb.add_flag("--unlink", words.unlink, "with it: drop the key from the keyring afterwards");
}

void check_key_options(const KeyOptions& words) {
    if (words.generate && !(words.passphrase_file.empty() && words.passphrase_credential.empty() &&
                            words.wrapped_passphrase.empty() && takes_passphrase(words))) {
        throw Error{Reason::usage, "--generate makes a passphrase: give no other key"};
    }
    if (words.yes && !words.generate) {
        throw Error{Reason::usage, "--yes goes with --generate"};
    }
    const std::array sources = {&words.passphrase_file, &words.passphrase_credential, &words.fekek_file,
                                &words.from_keyring};
    if (std::ranges::count_if(sources, [](const std::string* const word) { return !word->empty(); }) > 1) {
        throw Error{Reason::usage,
                    "give only one of --passphrase-file, --passphrase-credential, --fekek-file and "
                    "--from-keyring: one volume has one passphrase"};
    }
    if (words.from_keyring.empty() && (words.unlink || !words.filename_key.empty())) {
        throw Error{Reason::usage, "--filename-key and --unlink go with --from-keyring"};
    }
    if (words.fekek_file.empty() && !words.filename_fekek_file.empty()) {
        throw Error{Reason::usage, "--filename-fekek-file goes with --fekek-file"};
    }
    if (!takes_passphrase(words) &&
        !(words.wrapped_passphrase.empty() && words.filename_passphrase_file.empty() && words.salt.empty())) {
        throw Error{Reason::usage,
                    "--wrapped-passphrase, --filename-passphrase-file and --salt go with a passphrase, "
                    "not with --fekek-file or --from-keyring"};
    }
    if (!words.salt.empty()) {
        static_cast<void>(salt_of_option(words.salt));
    }
    for (const auto& [option, signature] : {std::pair{"--from-keyring", &words.from_keyring},
                                            std::pair{"--filename-key", &words.filename_key}}) {
        if (const auto problem = problem_with_signature(*signature); !signature->empty() && problem) {
            throw Error{Reason::usage, std::string{option} + ": " + *problem};
        }
    }
}

Salt salt_of_option(const std::string& hex) {
    const auto salt = parse_salt(hex);
    if (!salt) {
        throw Error{Reason::usage, "--salt: \"" + hex + "\" is not a salt: write 16 hex digits"};
    }
    return *salt;
}

bool names_filename_key(const KeyOptions& words) {
    return !(words.filename_key.empty() && words.filename_passphrase_file.empty() &&
             words.filename_fekek_file.empty());
}

std::optional<KeyringKeys> keyring_keys(const KeyOptions& words) {
    if (words.from_keyring.empty()) {
        return std::nullopt;
    }
    KeyringKeys keys{.signature = words.from_keyring, .filename_signature = {}, .drop = words.unlink};
    if (!words.filename_key.empty()) {
        keys.filename_signature = words.filename_key;
    }
    return keys;
}

bool takes_passphrase(const KeyOptions& words) {
    return words.from_keyring.empty() && words.fekek_file.empty() && !words.elsewhere;
}

KeysInHand::KeysInHand(const KeyOptions& words, const std::string& lower, const Survey& survey,
                       const Globals& globals, Keyring& keyring) {
    if (words.elsewhere) {
        source_ = words.elsewhere();
        return;
    }
    if (const auto keys = keyring_keys(words)) {
        source_ = std::make_unique<KeyringSource>(keyring, keys->signature, keys->filename_signature);
        return;
    }
    if (!words.fekek_file.empty()) {
        source_ = std::make_unique<FekekSource>(fekek_in(words.fekek_file),
                                                fekek_if_named(words.filename_fekek_file));
        return;
    }
    PassphraseMeans means;
    means.salts = salts_for(words, lower, globals.paths());
    passphrase_ = known_passphrase(words, lower, survey, globals);
    if (!words.wrapped_passphrase.empty()) {
        passphrase_ = unwrapped(words, passphrase_, means.salts);
    }
    if (!words.filename_passphrase_file.empty()) {
        means.filename_passphrase = read_secret(words.filename_passphrase_file, longest_passphrase);
    }
    means.ask_filename_passphrase = [lower] {
        return ask("The file names have a passphrase of their own. Passphrase of the file names of " + lower +
                   ": ");
    };
    source_ = std::make_unique<PassphraseSource>(passphrase_, std::move(means));
}

} // namespace sealmount
