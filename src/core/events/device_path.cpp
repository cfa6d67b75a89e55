// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/device_path.hpp"

#include "base/byte_reader.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"
#include "base/text.hpp"
#include "core/events/efi_variable.hpp"

#include <algorithm>

namespace sealmount {

namespace {

enum class NodeType : std::uint8_t { hardware = 1, acpi = 2, messaging = 3, media = 4, bios = 5, end = 0x7f };

constexpr std::uint8_t end_of_all = 0xff;
constexpr std::uint8_t hard_disk_node = 1; // of media
constexpr std::uint8_t file_path_node = 4;
constexpr std::uint8_t firmware_file_node = 6;

std::string hex_number(const std::uint64_t value) {
    return formatted("0x{:X}", value);
}

std::string guid_text(ByteReader& body) {
    const auto bytes = body.take(sizeof(Guid));
    if (!bytes) {
        return "?";
    }
    Guid guid{};
    std::ranges::copy(*bytes, guid.begin());
    return to_string(guid);
}

/// "NAME(ARGUMENT,ARGUMENT)"
std::string call(const char* const name, const std::initializer_list<std::string> arguments) {
    return formatted("{}({})", name, join(arguments, ","));
}

std::string hardware(const std::uint8_t subtype, ByteReader body) {
    if (subtype == 1) {
        const std::uint8_t function = body.u8().value_or(0);
        const std::uint8_t device = body.u8().value_or(0);
        return call("Pci", {hex_number(device), hex_number(function)});
    }
    if (subtype == 3) {
        const std::uint32_t kind = body.u32().value_or(0);
        const std::uint64_t begin = body.u64().value_or(0);
        return call("MemoryMapped",
                    {hex_number(kind), hex_number(begin), hex_number(body.u64().value_or(0))});
    }
    return subtype == 4 ? call("VenHw", {guid_text(body)}) : std::string{};
}

std::string acpi(const std::uint8_t subtype, ByteReader body) {
    constexpr std::uint32_t pci_root = 0x0a0341d0;
    constexpr std::uint32_t pcie_root = 0x0a0841d0;
    if (subtype != 1) {
        return {};
    }
    const std::uint32_t hid = body.u32().value_or(0);
    const std::string uid = hex_number(body.u32().value_or(0));
    return hid == pci_root    ? call("PciRoot", {uid})
           : hid == pcie_root ? call("PcieRoot", {uid})
                              : call("Acpi", {hex_number(hid), uid});
}

std::string messaging(const std::uint8_t subtype, ByteReader body) {
    const auto number = [&](const auto value) { return std::to_string(value.value_or(0)); };
    switch (subtype) {
    case 1: {
        const std::string secondary = number(body.u8());
        const std::string slave = number(body.u8());
        return call("Ata", {secondary, slave, number(body.u16())});
    }
    case 2: {
        const std::string target = number(body.u16());
        return call("Scsi", {target, number(body.u16())});
    }
    case 5: {
        const std::string port = number(body.u8());
        return call("USB", {port, number(body.u8())});
    }
    case 10:
        return call("VenMsg", {guid_text(body)});
    case 11:
        return call("MAC", {to_hex(body.rest().first(std::min<std::size_t>(6, body.left())))});
    case 12:
        return "IPv4()";
    case 13:
        return "IPv6()";
    case 18: {
        const std::string port = number(body.u16());
        const std::string multiplier = number(body.u16());
        return call("Sata", {port, multiplier, number(body.u16())});
    }
    case 23: {
        const std::string space = hex_number(body.u32().value_or(0));
        Bytes id{body.rest().begin(), body.rest().end()};
        std::ranges::reverse(id); // EUI-64, written most significant byte first
        std::string text = to_hex(id);
        for (std::size_t at = 2; at < text.size(); at += 3) {
            text.insert(at, 1, '-');
        }
        return call("NVMe", {space, text});
    }
    case 24:
        return call("Uri", {std::string{reinterpret_cast<const char*>(body.rest().data()), body.left()}});
    case 29:
        return call("eMMC", {number(body.u8())});
    default:
        return {};
    }
}

std::string hard_disk(ByteReader body) {
    constexpr std::uint8_t is_mbr = 1;
    constexpr std::uint8_t is_gpt = 2;
    const std::string partition = std::to_string(body.u32().value_or(0));
    const std::string start = hex_number(body.u64().value_or(0));
    const std::string size = hex_number(body.u64().value_or(0));
    const auto signature = body.take(sizeof(Guid));
    (void)body.u8(); // the format of the partition table, which the type of the signature repeats
    const std::uint8_t kind = body.u8().value_or(0);
    if (!signature) {
        return {};
    }
    if (kind == is_gpt) {
        ByteReader guid{*signature};
        return call("HD", {partition, "GPT", guid_text(guid), start, size});
    }
    ByteReader mbr{*signature};
    return call("HD", {partition, kind == is_mbr ? "MBR" : std::to_string(kind),
                       hex_number(mbr.u32().value_or(0)), start, size});
}

std::string media(const std::uint8_t subtype, ByteReader body) {
    switch (subtype) {
    case hard_disk_node:
        return hard_disk(body);
    case 2:
        return call("CDROM", {hex_number(body.u32().value_or(0))});
    case 3:
        return call("VenMedia", {guid_text(body)});
    case file_path_node:
        return utf8(body.rest());
    case 5:
        return call("Media", {guid_text(body)});
    case firmware_file_node:
        return call("FvFile", {guid_text(body)});
    case 7:
        return call("Fv", {guid_text(body)});
    case 8: {
        constexpr std::size_t without_reserved = 16; // older firmware leaves the reserved field out
        if (body.left() > without_reserved) {
            (void)body.u32();
        }
        const std::string start = hex_number(body.u64().value_or(0));
        return call("Offset", {start, hex_number(body.u64().value_or(0))});
    }
    default:
        return {};
    }
}

/// The unique GUID of a hard disk node's partition; "" when that is not one of a GPT.
std::string gpt_partition(ByteReader body) {
    constexpr std::uint8_t is_gpt = 2;
    constexpr std::size_t before_signature = 20; // number, start and size of the partition
    const auto start = body.take(before_signature);
    const auto signature = start ? body.take(sizeof(Guid)) : std::nullopt;
    (void)body.u8();
    if (!signature || body.u8() != is_gpt) {
        return {};
    }
    ByteReader guid{*signature};
    return guid_text(guid);
}

struct Node {
    std::uint8_t type;
    std::uint8_t subtype;
    BytesView body;
};

/// The next node; nothing when it is cut short, or there is none.
std::optional<Node> take_node(ByteReader& reader) {
    constexpr std::uint16_t head_size = 4;
    const auto type = reader.u8();
    const auto subtype = reader.u8();
    const auto length = reader.u16();
    const auto body = length && *length >= head_size ? reader.take(*length - head_size) : std::nullopt;
    if (!type || !subtype || !body) {
        return std::nullopt;
    }
    return Node{.type = *type, .subtype = *subtype, .body = *body};
}

std::string node_text(const Node& node) {
    const auto [type, subtype, body] = node;
    std::string text;
    switch (NodeType{type}) {
    case NodeType::hardware:
        text = hardware(subtype, ByteReader{body});
        break;
    case NodeType::acpi:
        text = acpi(subtype, ByteReader{body});
        break;
    case NodeType::messaging:
        text = messaging(subtype, ByteReader{body});
        break;
    case NodeType::media:
        text = media(subtype, ByteReader{body});
        break;
    case NodeType::bios:
    case NodeType::end:
        break;
    }
    return text.empty() ? call("Path", {std::to_string(type), std::to_string(subtype), to_hex(body)}) : text;
}

} // namespace

std::string device_path_text(const BytesView path) {
    std::string text;
    char before = '\0';
    ByteReader reader{path};
    while (reader.left() > 0) {
        const auto node = take_node(reader);
        if (!node) {
            return text + "...";
        }
        if (NodeType{node->type} == NodeType::end) {
            if (node->subtype == end_of_all) {
                break;
            }
            before = ',';
            continue;
        }
        if (before != '\0') {
            text += before;
        }
        text += node_text(*node);
        before = '/';
    }
    return text;
}

FileOnPartition file_in(const BytesView path) {
    FileOnPartition file;
    bool is_first = true;
    ByteReader reader{path};
    while (reader.left() > 0) {
        const auto node = take_node(reader);
        if (!node) {
            file.path += "..."; // as in the text: no file has that name
            break;
        }
        const NodeType type{node->type};
        if (type == NodeType::end && node->subtype == end_of_all) {
            break;
        }
        if (type == NodeType::media && node->subtype == hard_disk_node) {
            file.partition = gpt_partition(ByteReader{node->body});
        } else if (type == NodeType::media && node->subtype == file_path_node) {
            const std::string part = utf8(node->body);
            const bool is_absolute = !is_first && part.starts_with('\\');
            if (!file.path.empty() || is_absolute) {
                file.path += (is_absolute ? "" : "\\") + part;
            } else if (part.starts_with('\\')) {
                file.path_alone = part;
            }
        }
        file.is_in_firmware =
            file.is_in_firmware || (type == NodeType::media && node->subtype == firmware_file_node);
        is_first = false;
    }
    for (std::string* const one : {&file.path, &file.path_alone}) {
        std::ranges::replace(*one, '/', '\\');
        constexpr std::string_view twice = "\\\\";
        for (std::size_t at = one->find(twice); at != std::string::npos; at = one->find(twice)) {
            one->erase(at, 1);
        }
    }
    return file;
}

} // namespace sealmount
