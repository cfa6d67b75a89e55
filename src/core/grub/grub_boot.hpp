// What a boot through GRUB measures: its script is run against a machine (grub_machine.hpp) and gives the
// events of PCR 8 and PCR 9, in their order, each with the place in the script that it comes from.
//
// Sources, all in grub-core of GRUB 2.06 and 2.12, with the changes of Debian 12 (2.06-13+deb12u2) and of
// Fedora (for blscfg and the start): commands/tpm.c (what goes where), kern/verifiers.c (files are measured
// whole, when they are opened), script/execute.c (a command is measured before it is looked up),
// kern/main.c and normal/main.c (the start), normal/menu.c (the menu), lib/cmdline.c (the kernel's command
// line), loader/linux.c (initrds), and of Linux drivers/firmware/efi/libstub/efi-stub-helper.c (what the
// kernel's stub adds). The other files of this room name what they follow.
//
// What is not in the configuration, or would differ from boot to boot, is not known: keys that somebody
// presses, passwords, the time, random numbers, the hardware's registers, the order of directory entries on
// the disk. The result then says so, with the place and the reason; nothing is guessed. That nobody touches
// the keyboard while the menu counts down is taken for granted.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#pragma once

#include "core/grub/grub_machine.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sealmount {

inline constexpr unsigned grub_command_pcr = 8;
inline constexpr unsigned grub_file_pcr = 9;

/// How GRUB starts: what its image and the firmware decide. grub_image.hpp reads most of it from the image.
struct GrubStart {
    std::string prefix;  ///< of the image, with the device: "(hd0,gpt1)/EFI/debian"
    std::string root;    ///< the device that it came from: "hd0,gpt1"
    std::string cmdpath; ///< the directory that it came from: "(hd0,gpt1)/EFI/debian"
    std::string cpu = "x86_64";
    std::string platform = "efi";

    /// Further variables that are set and exported before the script: "lockdown", "shim_lock", ...
    std::map<std::string, std::string> variables;
    std::set<std::string> modules; ///< in the image, with all that they depend on
    /// The files of the image's own disk by their path ("/grub.cfg"), which are not measured.
    std::map<std::string, std::string> memdisk;
    /// The configuration that the image names ("(memdisk)/grub.cfg"); else it is grub.cfg of the prefix.
    std::optional<std::string> configuration;
    /// Without a configuration of its own, GRUB opens grub.cfg once to see whether it is there and once to
    /// read it: Fedora's, and Debian's since 2.12.
    bool looks_first = false;

    /// What `default` says is compared with the names of entries before it is read as a number: Fedora's.
    bool names_first = false;

    /// Secure Boot is on: modules and fonts that are not in the image are measured, and refused.
    bool secure_boot = false;
    /// The command that enters the firmware's setup knows the question whether it could (since 2.12).
    bool setup_can_be_asked = false;
    bool setup_supported = true; ///< by the firmware
    /// The kernel is started as an image, so that its stub measures its options and its initrd (since 2.12).
    bool stub_measures = false;
    /// Is there a screen that GRUB can draw on? Only asked for where pictures are loaded.
    std::optional<bool> graphics;
    /// Files that hold something else than the machine says: states of grubenv to come (grub_states.hpp).
    std::map<GrubFile, std::string> rewritten;
    /// The entry that somebody chose at the menu, as `default` would name it ("advanced>with-6.1").
    std::optional<std::string> choice;
};

struct GrubPlace {
    std::string file{}; ///< as GRUB names it: "(hd0,gpt2)/boot/grub/grub.cfg"; "" before any
    unsigned line = 0;  ///< from 1; 0 where there are none

    friend bool operator==(const GrubPlace&, const GrubPlace&) = default;
};

/// "FILE:LINE", for messages.
[[nodiscard]] std::string to_string(const GrubPlace& place);

enum class GrubEventKind {
    command,      ///< PCR 8, `grub_cmd: TEXT` in the log
    command_line, ///< PCR 8, `kernel_cmdline: TEXT` in the log
    file,         ///< PCR 9, what is in a file that GRUB opens; the log has its name
    stub_options, ///< PCR 9, by the kernel's stub: the text as UTF-16 without a NUL
    stub_initrd,  ///< PCR 9, by the kernel's stub
};

struct GrubEvent {
    GrubEventKind kind{};
    unsigned pcr = 0;
    std::string text{};            ///< what is hashed, or for a file its name
    std::vector<GrubFile> files{}; ///< whose contents are hashed, as GrubMachine::digest() joins them
    /// What is hashed instead of the file on the disk, where GrubStart::rewritten or an earlier save_env
    /// says.
    std::optional<std::string> rewritten{};
    GrubPlace place{};
};

/// As the firmware's log describes it, without the NUL at its end.
[[nodiscard]] std::string log_text(const GrubEvent& event);

/// What is extended into the PCR.
[[nodiscard]] Bytes digest(const GrubEvent& event, const GrubMachine& machine, PcrBank bank);

/// Why a PCR's events are not known from here on.
struct GrubUnknown {
    GrubPlace place{};
    std::string reason{}; ///< a clause: "a password is asked for"
};

/// What GRUB hands over to.
struct GrubKernel {
    GrubFile image{};                ///< a kernel, or any other program
    std::vector<GrubFile> initrds{}; ///< in their order
    std::string command_line{};      ///< with BOOT_IMAGE=; "" for a program
    bool is_linux = false;
};

struct GrubBoot {
    std::vector<GrubEvent> events; ///< for a PCR in `unknown` those before it became unknown
    std::map<unsigned, GrubUnknown> unknown;
    std::optional<GrubKernel> kernel;
    /// The environment blocks that were loaded (grubenv).
    std::set<GrubFile> environments;
    /// What save_env left in them, which is what the next boot finds unless somebody changes it before.
    std::map<GrubFile, std::string> written;
    /// All files that were opened or only looked for: as long as they are as they were, so are the events.
    std::set<GrubFile> looked_at;
};

/// Runs the script. Hostile input ends in `unknown`, whatever it is: what GRUB cannot read, what never ends,
/// what grows without limit. Throws only what `machine` throws.
[[nodiscard]] GrubBoot run_grub(const GrubStart& start, const GrubMachine& machine);

} // namespace sealmount
