//! Bars as SVG and as CSV. Whatever labels hold, it stays text in both.

const std = @import("std");
const Writer = std.Io.Writer;

pub const Bar = struct {
    label: []const u8,
    value: u32,
};

const width = 640;
const label_width = 200;
const row_height = 24;
const title_height = 40;

pub fn largest(bars: []const Bar) u32 {
    var most: u32 = 0;
    for (bars) |bar| most = @max(most, bar.value);
    return most;
}

pub fn draw(writer: *Writer, title: []const u8, bars: []const Bar) !void {
    const height = title_height + row_height * bars.len;
    try writer.print(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{d}\" height=\"{d}\">\n",
        .{ width, height },
    );
    try writer.writeAll("<text x=\"8\" y=\"26\" font-size=\"18\">");
    try writeEscaped(writer, title);
    try writer.writeAll("</text>\n");
    const most: u64 = @max(1, largest(bars));
    for (bars, 0..) |bar, i| {
        const y = title_height + row_height * i;
        const length = @as(u64, bar.value) * (width - label_width - 8) / most;
        try writer.print("<text x=\"8\" y=\"{d}\" font-size=\"12\">", .{y + 15});
        try writeEscaped(writer, bar.label);
        try writer.print(
            "</text><rect x=\"{d}\" y=\"{d}\" width=\"{d}\" height=\"{d}\"/>\n",
            .{ label_width, y, length, row_height - 6 },
        );
    }
    try writer.writeAll("</svg>\n");
}

pub fn tabulate(writer: *Writer, bars: []const Bar) !void {
    try writer.writeAll("label,value\r\n");
    for (bars) |bar| {
        try writer.writeByte('"');
        for (bar.label) |byte| {
            if (byte == '"') try writer.writeByte('"');
            try writer.writeByte(byte);
        }
        try writer.print("\",{d}\r\n", .{bar.value});
    }
}

fn writeEscaped(writer: *Writer, text: []const u8) !void {
    for (text) |byte| switch (byte) {
        '<' => try writer.writeAll("&lt;"),
        '>' => try writer.writeAll("&gt;"),
        '&' => try writer.writeAll("&amp;"),
        // No control character but these is allowed in XML.
        0...8, 11, 12, 14...31 => try writer.writeByte(' '),
        else => try writer.writeByte(byte),
    };
}
