// What is started in the end: linux, initrd, chainloader.
//
// Source: loader/i386/efi/linux.c of Debian's 2.06, loader/efi/linux.c of 2.12, loader/linux.c,
// loader/efi/chainloader.c, lib/cmdline.c.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/grub/commands.hpp"

#include "base/text.hpp"

namespace sealmount {

namespace {

constexpr std::string_view image_option = "BOOT_IMAGE=";
/// x86 kernels take 2047 bytes (COMMAND_LINE_SIZE); GRUB drops the arguments that do not fit.
constexpr std::size_t longest_command_line = 2000;

/// grub_create_loader_cmdline(): quoted again, for whoever splits the line.
std::string loader_command_line(const std::vector<std::string>& arguments) {
    std::string line;
    for (const std::string& argument : arguments) {
        const bool has_blank = argument.find(' ') != std::string::npos;
        line += line.empty() && &argument == &arguments.front() ? "" : " ";
        line += has_blank ? "\"" : "";
        for (const char c : argument) {
            if (c == '\\' || c == '\'' || c == '"') {
                line += '\\';
            }
            line += c;
        }
        line += has_blank ? "\"" : "";
    }
    return line;
}

} // namespace

GrubStatus linux_command(GrubRun& run, const GrubCall& call) {
    run.kernel.reset();
    if (call.arguments.empty()) {
        return grub_failure(GrubError::bad_argument);
    }
    const auto image = run.open(call.arguments.front());
    if (!image) {
        return grub_failure(GrubError::file_not_found);
    }
    std::string line = loader_command_line(call.arguments);
    if (line.size() > longest_command_line) {
        run.stop("the kernel's command line is longer than the kernel may take");
    }
    if (!is_utf8(line)) {
        run.stop("the kernel's command line is not UTF-8");
    }
    run.measure_text(GrubEventKind::command_line, line);
    run.kernel = GrubKernel{
        .image = *image, .initrds = {}, .command_line = std::string{image_option} + line, .is_linux = true};
    return grub_success;
}

GrubStatus initrd_command(GrubRun& run, const GrubCall& call) {
    if (call.arguments.empty() || !run.kernel || !run.kernel->is_linux) {
        return grub_failure(GrubError::bad_argument);
    }
    std::vector<GrubFile> files;
    for (std::string name : call.arguments) {
        // "newc:PATH:FILE" makes a member of an archive of the file.
        if (name.starts_with("newc:")) {
            const std::size_t colon = name.find(':', 5);
            if (colon == std::string::npos) {
                return grub_failure(GrubError::file_not_found);
            }
            if (run.start().stub_measures) {
                run.doubt(grub_file_pcr, "GRUB makes an archive of files for the kernel");
            }
            name = name.substr(colon + 1);
        }
        const auto file = run.open(name);
        if (!file) {
            return grub_failure(GrubError::file_not_found);
        }
        if (run.result().written.contains(*file)) {
            run.doubt(grub_file_pcr, "an initrd has been written to");
        }
        files.push_back(*file);
    }
    run.kernel->initrds = std::move(files);
    return grub_success;
}

GrubStatus chainloader_command(GrubRun& run, const GrubCall& call) {
    run.kernel.reset();
    std::string name;
    for (const std::string& argument : call.arguments) {
        if (!argument.starts_with("--") && name.empty()) {
            name = argument;
        }
    }
    const auto image = name.empty() ? std::nullopt : run.open(name);
    if (!image) {
        return grub_failure(GrubError::file_not_found);
    }
    run.kernel = GrubKernel{.image = *image, .initrds = {}, .command_line = {}, .is_linux = false};
    return grub_success;
}

} // namespace sealmount
