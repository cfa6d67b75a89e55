// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/command_line_forms.hpp"

#include "base/text.hpp"
#include "core/events/efi_variable.hpp"
#include "sys/tpm/digest.hpp"

namespace sealmount {

Bytes in_form(const std::string_view text, const CommandLineForm form) {
    const bool is_wide = form == CommandLineForm::utf16_with_nul || form == CommandLineForm::utf16;
    const bool has_nul = form == CommandLineForm::utf16_with_nul || form == CommandLineForm::bytes_with_nul;
    Bytes out = is_wide ? utf16(text).value_or(Bytes{}) : Bytes{as_bytes(text).begin(), as_bytes(text).end()};
    if (has_nul) {
        out.resize(out.size() + (is_wide ? 2 : 1));
    }
    return out;
}

std::optional<CommandLineForm> form_of(const PcrBank bank, const Bytes& value, const std::string_view text) {
    if (text.empty() || !utf16(text)) {
        return std::nullopt;
    }
    for (const CommandLineForm form : {CommandLineForm::utf16_with_nul, CommandLineForm::utf16,
                                       CommandLineForm::bytes, CommandLineForm::bytes_with_nul}) {
        if (digest(bank, {in_form(text, form)}) == value) {
            return form;
        }
    }
    return std::nullopt;
}

} // namespace sealmount
