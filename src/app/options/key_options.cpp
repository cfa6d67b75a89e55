// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/options/key_options.hpp"

#include "app/options/recovery_options.hpp"
#include "app/output/print.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "core/ecryptfs/wrapped_passphrase.hpp"
#include "core/import/fstab_import.hpp"
#include "core/volume/manifest_rules.hpp"
#include "sys/files/files.hpp"
#include "sys/files/home.hpp"
#include "sys/prompt/credentials.hpp"
#include "sys/prompt/secret_input.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sealmount {

namespace {

constexpr unsigned generate_tries = 3;
constexpr std::size_t longest_rc_file = 65536;
constexpr std::size_t longest_option_file = 1024; // it is read into locked memory

std::optional<SecretBytes> ask(Prompt& prompt, const std::string& question) {
    auto answer = prompt.ask(question, "sealmount:enroll", std::chrono::seconds{0});
    return answer ? std::optional{std::move(*answer)} : std::nullopt;
}

constexpr const char* all_ways = "--passphrase-file FILE (- for standard input), --passphrase-credential ID, "
                                 "--fekek-file FILE or --from-keyring SIG";

/// `ways`: the options that would answer it.
SecretBytes ask_or_throw(Prompt& prompt, const std::string& question, const char* const ways = all_ways) {
    auto answer = prompt.ask(question, "sealmount:enroll", std::chrono::seconds{0});
    if (!answer) {
        throw Error{Reason::usage, formatted("no passphrase: {}; without a terminal, give {}",
                                             describe(answer.error().kind), ways)};
    }
    return std::move(*answer);
}

SecretBytes passphrase_of_option_file(const std::string& file) {
    auto passphrase = passphrase_in_file(read_binary_secret(file, longest_option_file));
    if (!passphrase) {
        throw Error{
            Reason::bad_data,
            formatted("{}: has no line \"passphrase_passwd=PASSPHRASE\", as mount.ecryptfs requires it",
                      file)};
    }
    return std::move(*passphrase);
}

/// A new one, for an empty volume. Only whoever sees it now has it.
SecretBytes generated_passphrase(const KeyOptions& options, const std::string& lower, const Survey& survey,
                                 const Globals& globals, Prompt& prompt) {
    constexpr std::size_t random_size = 16;
    constexpr std::size_t group_size = 8;
    if (!survey.empty_of_keys()) {
        throw Error{Reason::refused,
                    formatted("{} has encrypted files, which a new passphrase would not open", lower),
                    {.kind = AdviceKind::enroll_full_volume}};
    }
    if (!is_seen(globals)) {
        throw Error{Reason::usage,
                    "--generate shows the passphrase on a terminal, this once",
                    {.kind = AdviceKind::show_on_terminal}};
    }
    SecretBytes passphrase = modhex_groups(random_secret(random_size));
    print("The passphrase of {}, including the dashes:\n", lower);
    show_secret(passphrase, "cannot show the passphrase: nothing was written");
    print("Write it down or scan it, and keep it away from this machine. It is not shown again.\n");
    for (unsigned tries_left = generate_tries; !options.yes; --tries_left) {
        if (tries_left == 0) {
            throw Error{Reason::usage, "that is not what was shown: nothing was written"};
        }
        if (ask_or_throw(prompt, "To be sure that you have it, type its last group: ")
                .equals(passphrase.bytes().last(group_size))) {
            break;
        }
    }
    return passphrase;
}

/// What a person must know for it: of the volume, or of the file that has it wrapped.
SecretBytes known_passphrase(const KeyOptions& options, const std::string& lower, const Survey& survey,
                             const Globals& globals, Prompt& prompt) {
    if (options.generate) {
        return generated_passphrase(options, lower, survey, globals, prompt);
    }
    if (!options.passphrase_file.empty()) {
        return read_secret(options.passphrase_file, longest_passphrase);
    }
    if (!options.passphrase_option_file.empty()) {
        return passphrase_of_option_file(options.passphrase_option_file);
    }
    if (!options.passphrase_credential.empty()) {
        return read_credential(options.passphrase_credential, longest_passphrase);
    }
    if (!options.question.empty()) {
        return ask_or_throw(prompt, options.question, "--passphrase-file FILE");
    }
    if (!options.wrapped_passphrase.empty()) {
        return ask_or_throw(prompt, formatted("Wrapping passphrase of {}: ", options.wrapped_passphrase));
    }
    SecretBytes passphrase = ask_or_throw(prompt, formatted("Mount passphrase of {}: ", lower));
    // Existing files reveal a wrong passphrase; in an empty volume a typing error would become the passphrase
    // of all files to come.
    if (survey.empty_of_keys() &&
        !ask_or_throw(prompt, "The volume is empty. Once more, to be sure: ").equals(passphrase.bytes())) {
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
std::vector<Salt> salts_for(const KeyOptions& options, const std::string& lower, const Paths& paths) {
    if (!options.salt.empty()) {
        return {salt_of_option(options.salt)};
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

SecretBytes unwrapped(const KeyOptions& options, const SecretBytes& wrapping,
                      const std::vector<Salt>& salts) {
    const SecretBytes file = options.wrapped_contents.empty()
                                 ? read_binary_secret(options.wrapped_passphrase, longest_wrapped_file)
                                 : SecretBytes{as_bytes(options.wrapped_contents)};
    try {
        return unwrap_passphrase(file.bytes(), wrapping, salts);
    } catch (const Error& error) {
        throw error.in(options.wrapped_passphrase);
    }
}

SecretBytes fekek_in(const std::string& file) {
    SecretBytes key = read_binary_secret(file, fekek_size);
    if (key.size() != fekek_size) {
        throw Error{Reason::bad_data, formatted("{}: an eCryptfs key has 64 bytes, as they are, without "
                                                "hex digits or line end; this file has {}",
                                                file, key.size())};
    }
    return key;
}

std::optional<SecretBytes> fekek_if_named(const std::string& file) {
    return file.empty() ? std::nullopt : std::optional{fekek_in(file)};
}

} // namespace

void add_key_options(Arguments& verb, KeyOptions& options) {
    verb.option("--passphrase-file", "FILE", options.passphrase_file,
                "read the mount passphrase from FILE (- for standard input)");
    verb.option("--passphrase-credential", "NAME", options.passphrase_credential,
                "read the mount passphrase from this systemd credential");
    verb.flag("--generate", options.generate,
              "make a passphrase for an empty volume, and show it once, with a QR code");
    verb.flag("--yes", options.yes, "with --generate: do not ask for the last group of the passphrase");
    verb.option(
        "--wrapped-passphrase", "FILE", options.wrapped_passphrase,
        "unwrap the mount passphrase from this file of ecryptfs-wrap-passphrase; what is asked for, or read "
        "by the options above, is its wrapping passphrase then");
    verb.option("--filename-passphrase-file", "FILE", options.filename_passphrase_file,
                "read the passphrase of the file names, where they have their own, from FILE");
    verb.option("--salt", "HEX", options.salt,
                "the salt of the passphrase, 16 hex digits (default: that of ~/.ecryptfsrc, else the "
                "default of ecryptfs-utils)");
    verb.option("--fekek-file", "FILE", options.fekek_file, "read the key itself, 64 bytes, from FILE");
    verb.option("--filename-fekek-file", "FILE", options.filename_fekek_file,
                "with --fekek-file: the key of the file names, where they have their own");
    verb.option("--from-keyring", "SIG", options.from_keyring,
                "take the key of this signature that ecryptfs-add-passphrase put into the keyring");
    verb.option("--filename-key", "SIG", options.filename_key,
                "with --from-keyring, for an empty volume: the signature of the key of the file names");
    verb.flag("--unlink", options.unlink, "with --from-keyring: remove the key from the keyring afterwards");
}

void check_key_options(const KeyOptions& options) {
    if (options.generate && !(options.passphrase_file.empty() && options.passphrase_credential.empty() &&
                              options.wrapped_passphrase.empty() && takes_passphrase(options))) {
        throw Error{Reason::usage, "--generate makes a passphrase: give no other key"};
    }
    if (options.yes && !options.generate) {
        throw Error{Reason::usage, "--yes goes with --generate"};
    }
    const std::array sources = {&options.passphrase_file, &options.passphrase_credential, &options.fekek_file,
                                &options.from_keyring};
    if (std::ranges::count_if(sources, [](const std::string* const word) { return !word->empty(); }) > 1) {
        throw Error{Reason::usage,
                    "give only one of --passphrase-file, --passphrase-credential, --fekek-file and "
                    "--from-keyring: one volume has one passphrase"};
    }
    if (options.from_keyring.empty() && (options.unlink || !options.filename_key.empty())) {
        throw Error{Reason::usage, "--filename-key and --unlink go with --from-keyring"};
    }
    if (options.fekek_file.empty() && !options.filename_fekek_file.empty()) {
        throw Error{Reason::usage, "--filename-fekek-file goes with --fekek-file"};
    }
    if (!takes_passphrase(options) && !(options.wrapped_passphrase.empty() &&
                                        options.filename_passphrase_file.empty() && options.salt.empty())) {
        throw Error{Reason::usage,
                    "--wrapped-passphrase, --filename-passphrase-file and --salt go with a passphrase, "
                    "not with --fekek-file or --from-keyring"};
    }
    if (!options.salt.empty()) {
        static_cast<void>(salt_of_option(options.salt));
    }
    for (const auto& [option, signature] : {std::pair{"--from-keyring", &options.from_keyring},
                                            std::pair{"--filename-key", &options.filename_key}}) {
        if (const auto problem = problem_with_signature(*signature); !signature->empty() && problem) {
            throw Error{Reason::usage, formatted("{}: {}", option, *problem)};
        }
    }
}

Salt salt_of_option(const std::string& hex) {
    const auto salt = parse_salt(hex);
    if (!salt) {
        throw Error{Reason::usage, formatted("--salt: \"{}\" is not a salt: write 16 hex digits", hex)};
    }
    return *salt;
}

bool names_filename_key(const KeyOptions& options) {
    return !(options.filename_key.empty() && options.filename_passphrase_file.empty() &&
             options.filename_fekek_file.empty());
}

std::optional<KeyringKeys> keyring_keys(const KeyOptions& options) {
    if (options.from_keyring.empty()) {
        return std::nullopt;
    }
    KeyringKeys keys{.signature = options.from_keyring, .filename_signature = {}, .drop = options.unlink};
    if (!options.filename_key.empty()) {
        keys.filename_signature = options.filename_key;
    }
    return keys;
}

bool takes_passphrase(const KeyOptions& options) {
    return options.from_keyring.empty() && options.fekek_file.empty() && !options.elsewhere;
}

bool asks_for_key(const KeyOptions& options) {
    return takes_passphrase(options) && options.passphrase_file.empty() &&
           options.passphrase_option_file.empty() && options.passphrase_credential.empty();
}

KeysInHand::KeysInHand(const KeyOptions& options, const std::string& lower, const Survey& survey,
                       const Globals& globals, const Machine& machine) {
    if (options.elsewhere) {
        source_ = options.elsewhere();
        return;
    }
    if (const auto keys = keyring_keys(options)) {
        source_ = std::make_unique<KeyringSource>(machine.keyring, keys->signature, keys->filename_signature);
        return;
    }
    if (!options.fekek_file.empty()) {
        source_ = std::make_unique<FekekSource>(fekek_in(options.fekek_file),
                                                fekek_if_named(options.filename_fekek_file));
        return;
    }
    PassphraseMeans means;
    means.salts = salts_for(options, lower, globals.paths());
    passphrase_ = known_passphrase(options, lower, survey, globals, machine.prompt);
    if (!options.wrapped_passphrase.empty()) {
        passphrase_ = unwrapped(options, passphrase_, means.salts);
    }
    if (!options.filename_passphrase_file.empty()) {
        means.filename_passphrase = read_secret(options.filename_passphrase_file, longest_passphrase);
    }
    means.ask_filename_passphrase = [lower, &prompt = machine.prompt] {
        return ask(
            prompt,
            formatted("The file names have a passphrase of their own. Passphrase of the file names of {}: ",
                      lower));
    };
    source_ = std::make_unique<PassphraseSource>(passphrase_, std::move(means));
}

} // namespace sealmount
