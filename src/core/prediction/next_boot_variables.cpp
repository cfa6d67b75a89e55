// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/prediction/next_boot_variables.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/text.hpp"
#include "core/events/device_path.hpp"
#include "core/events/efi_variable.hpp"
#include "core/prediction/boot_images.hpp"
#include "core/prediction/prediction_secure_boot.hpp"
#include "sys/tpm/pcr_registry.hpp"

#include <algorithm>
#include <array>

namespace sealmount {

namespace {

const std::string global_vendor = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const std::string shim_vendor = "605dab50-e046-4300-abb6-3dd810dd8b23";
constexpr std::array behind_firmware = {image_pcr, loader_pcr, secure_boot_pcr, grub_pcr,
                                        linux_pcr, uki_pcr,    parameters_pcr,  shim_pcr};

bool is_unchanged_variable(const ForecastEvent& event) {
    return event.past != nullptr && !event.is_changed &&
           (event.type == EventType::variable_driver_config || event.type == EventType::variable_boot ||
            event.type == EventType::variable_boot2);
}

std::string boot_entry(const unsigned number) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string name = "Boot";
    for (unsigned shift = 16; shift > 0; shift -= 4) {
        name += digits[number >> (shift - 4) & 0xfU];
    }
    return name;
}

/// 16-bit numbers, little-endian, as BootOrder has them.
std::vector<unsigned> numbers_in(const BytesView bytes) {
    std::vector<unsigned> numbers;
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
        numbers.push_back(std::to_integer<unsigned>(bytes[at]) | std::to_integer<unsigned>(bytes[at + 1])
                                                                     << 8U);
    }
    return numbers;
}

/// Those up to and with the one; all when it is not among them.
std::vector<unsigned> until(const std::vector<unsigned>& numbers, const unsigned last) {
    const auto found = std::ranges::find(numbers, last);
    return {numbers.begin(), found == numbers.end() ? found : found + 1};
}

/// What an EFI_LOAD_OPTION (UEFI 2.10, 3.1.3) starts; nothing when the firmware passes over it.
std::optional<FileOnPartition> file_of_option(const BytesView option) {
    constexpr std::uint32_t active = 1;
    ByteReader reader{option};
    const auto attributes = reader.u32();
    const auto size = reader.u16();
    if (!attributes || !size || (*attributes & active) == 0) {
        return std::nullopt;
    }
    for (auto unit = reader.u16(); unit && *unit != 0; unit = reader.u16()) {
    }
    const auto path = reader.take(*size);
    return path ? std::optional{file_in(*path)} : std::nullopt;
}

class Variables {
  public:
    Variables(Forecast& forecast, const VariableReader& read, const ProgramReader& program)
        : forecast_(forecast), read_(read), program_(program) {}

    void apply() {
        compare();
        look_at_boot_order();
        look_at_errands();
    }

  private:
    [[nodiscard]] Bytes now(const std::string& name, const std::string& vendor) const {
        return read_(name, vendor).value_or(Bytes{});
    }

    void compare() {
        SecureBootChange change;
        for (const ForecastEvent& event : forecast_.events()) {
            const auto variable =
                is_unchanged_variable(event) ? variable_data_of(event.past->data) : std::nullopt;
            if (!variable) {
                continue;
            }
            const std::string name = variable->name_text();
            const Bytes contents = now(name, to_string(variable->guid));
            if (name == "BootOrder") {
                order_before_ = variable->contents;
            }
            if (contents == variable->contents) {
                continue;
            }
            changed_.push_back(name);
            if (name == "PK" && contents.empty() != variable->contents.empty()) {
                spoil_all("Secure Boot is switched, as its variable PK shows");
            }
            if (!is_signature_database(name) || contents.empty() != variable->contents.empty()) {
                forecast_.spoil(event.pcr, formatted("the EFI variable {} is no longer as this boot has "
                                                     "measured it",
                                                     printable(name)));
            } else {
                change.variables[name] = {
                    .name = formatted("the EFI variable {}", name),
                    .contents = {reinterpret_cast<const char*>(contents.data()), contents.size()}};
            }
        }
        try {
            sealmount::apply(forecast_, change);
        } catch (const Error& error) {
            forecast_.spoil(secure_boot_pcr, error.what(), error.advice());
        }
    }

    [[nodiscard]] bool has_changed(const std::string& name) const {
        return std::ranges::find(changed_, name) != changed_.end();
    }

    void spoil_all(const std::string& why) {
        for (const unsigned pcr : behind_firmware) {
            forecast_.spoil(pcr, why);
        }
    }

    void look_at_boot_order() {
        if (const auto next = read_("BootNext", global_vendor)) {
            const auto numbers = numbers_in(*next);
            spoil_all(formatted("the firmware will start another entry for once (BootNext: {})",
                                numbers.empty() ? "none" : boot_entry(numbers.front())));
        }
        const auto current = numbers_in(now("BootCurrent", global_vendor));
        if (!order_before_ || current.empty()) {
            return;
        }
        const auto before = until(numbers_in(*order_before_), current.front());
        const auto after = until(numbers_in(now("BootOrder", global_vendor)), current.front());
        const auto changed = std::ranges::find_if(
            after, [this](const unsigned number) { return has_changed(boot_entry(number)); });
        if ((before == after && changed == after.end()) || starts_the_same(after, current.front())) {
            return;
        }
        spoil_all(before != after
                      ? "the boot order has changed, so the firmware may start another entry first"
                      : formatted("the firmware's entry {} has changed", boot_entry(*changed)));
    }

    /// Does the first entry that the firmware can start lead to the program that began this boot? What shim
    /// starts lies beside it.
    [[nodiscard]] bool starts_the_same(const std::vector<unsigned>& order, const unsigned current) const {
        const std::vector<BootImage> images = boot_images(forecast_.log());
        const auto first =
            std::ranges::find_if(images, [](const BootImage& image) { return !image.is_in_firmware; });
        for (const unsigned number : order) {
            const auto option = read_(boot_entry(number), global_vendor);
            const auto file = option ? file_of_option(*option) : std::nullopt;
            if (!file) {
                continue;
            }
            if (number == current && !has_changed(boot_entry(number))) {
                return true;
            }
            const bool is_its_place =
                first != images.end() && file->partition == first->partition &&
                (shim_in(forecast_.log()) == nullptr || is_same_path(file->path, first->path));
            // What becomes of the one that began this boot is predicted from its file as it is now.
            const auto next = program_(file->partition, file->path);
            return is_its_place && next && next == program_(first->partition, first->path);
        }
        return false;
    }

    void look_at_errands() {
        // Its setup, a capsule in a file, the recovery of system or platform.
        constexpr std::byte errands{0x01 | 0x04 | 0x20 | 0x40};
        const Bytes indications = now("OsIndications", global_vendor);
        if (!indications.empty() && (indications.front() & errands) != std::byte{0}) {
            spoil_all("the firmware is asked to do something else first (OsIndications)");
        }
        for (const char* const name : {"MokNew", "MokDel", "MokXNew", "MokXDel", "MokSB", "MokDB", "MokPW",
                                       "MokListTrustedNew", "SbatPolicy"}) {
            if (read_(name, shim_vendor)) {
                for (const unsigned pcr : {image_pcr, secure_boot_pcr, shim_pcr}) {
                    forecast_.spoil(
                        pcr, formatted("shim is asked to change its own keys or generations ({})", name));
                }
            }
        }
    }

    Forecast& forecast_;
    const VariableReader& read_;
    const ProgramReader& program_;
    std::optional<Bytes> order_before_;
    std::vector<std::string> changed_;
};

} // namespace

void apply_variables(Forecast& forecast, const VariableReader& read, const ProgramReader& program) {
    Variables{forecast, read, program}.apply();
}

} // namespace sealmount
