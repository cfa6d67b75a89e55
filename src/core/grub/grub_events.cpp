// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/grub/grub_boot.hpp"
#include "sys/tpm/digest.hpp"

namespace sealmount {

std::string to_string(const GrubPlace& place) {
    if (place.file.empty()) {
        return "GRUB's start";
    }
    return place.line == 0 ? place.file : formatted("{}:{}", place.file, place.line);
}

std::string log_text(const GrubEvent& event) {
    switch (event.kind) {
    case GrubEventKind::command:
        return "grub_cmd: " + event.text;
    case GrubEventKind::command_line:
        return "kernel_cmdline: " + event.text;
    case GrubEventKind::file:
    case GrubEventKind::stub_options:
    case GrubEventKind::stub_initrd:
        break;
    }
    return event.text;
}

Bytes digest(const GrubEvent& event, const GrubMachine& machine, const PcrBank bank) {
    if (event.kind == GrubEventKind::stub_options) {
        // grub_utf8_to_utf16() puts a question mark for what is not UTF-8; such a line does not come here.
        return digest(bank, {utf16(event.text).value_or(Bytes{})});
    }
    if (event.rewritten) {
        return digest(bank, {as_bytes(*event.rewritten)});
    }
    return event.files.empty() ? digest(bank, {as_bytes(event.text)}) : machine.digest(event.files, bank);
}

} // namespace sealmount
