//! The spell: a PNG and a width on stdin, a smaller PNG on stdout, both inside JSON.

const std = @import("std");
const png = @import("png.zig");
const resample = @import("resample.zig");
const wasi = @import("wasi.zig");

const input_bytes_max = 3 * 1024 * 1024 + 64 * 1024;
const width_max = 512;
const height_max = 512;

const Request = struct {
    png_base64: []const u8,
    width: u32,
};

const Thumbnail = struct {
    file: []const u8,
    width: usize,
    height: usize,
    source_width: usize,
    source_height: usize,
};

/// A fault of the spell itself must not look like a fault of the platform.
pub const panic = std.debug.FullPanic(struct {
    fn call(_: []const u8, _: ?usize) noreturn {
        wasi.fail(.fault, "The spell met a fault of its own.");
    }
}.call);

pub fn main() void {
    run(std.heap.wasm_allocator) catch |problem| {
        const code, const sentence = explain(problem);
        wasi.fail(code, sentence);
    };
}

fn explain(problem: anyerror) struct { wasi.ExitCode, []const u8 } {
    return switch (problem) {
        error.InputTooLong => .{ .too_large, "The input is longer than 3 MiB." },
        error.OutOfMemory => .{ .too_large, "The image needs more memory than this spell may use." },
        error.TooManyPixels => .{ .too_large, "The image is wider or higher than 4096 pixels." },
        error.ThumbnailTooHigh => .{
            .too_large,
            "The thumbnail would be higher than 512 pixels; ask for a smaller width.",
        },
        error.ReadFailed => .{ .io, "The input could not be read." },
        error.WriteFailed => .{ .io, "The output could not be written." },
        error.WrongWidth => .{ .bad_input, "The width must be from 1 to 512." },
        error.NotBase64 => .{ .bad_input, "The member png_base64 is not base64 with padding." },
        error.NotPng => .{ .bad_input, "The image is not a PNG." },
        error.Interlaced => .{ .bad_input, "The PNG is interlaced, which is not supported." },
        error.SixteenBits => .{ .bad_input, "The PNG has 16 bits a sample, which is not supported." },
        error.UnknownChunk => .{ .bad_input, "The PNG has a chunk of a kind that is not supported." },
        error.WrongChecksum => .{ .bad_input, "The PNG is damaged: a checksum is wrong." },
        error.EndsEarly => .{ .bad_input, "The PNG is damaged: it ends early." },
        error.Damaged => .{ .bad_input, "The PNG is damaged." },
        error.DuplicateField => .{ .bad_input, "The input names a member twice." },
        error.UnknownField, error.MissingField => .{
            .bad_input,
            "The input must have the members png_base64 and width and no others.",
        },
        else => .{
            .bad_input,
            "The input is not JSON with a text png_base64 and a whole number width.",
        },
    };
}

fn run(allocator: std.mem.Allocator) !void {
    const input = try wasi.readInput(allocator, input_bytes_max);
    const request = try std.json.parseFromSliceLeaky(Request, allocator, input, .{});
    if (request.width < 1 or request.width > width_max) return error.WrongWidth;
    const file = try decodeBase64(allocator, request.png_base64);
    const thumbnail = try shrink(allocator, file, request.width);
    const answer = respond(allocator, thumbnail) catch return error.OutOfMemory;
    try wasi.writeOutput(answer);
}

fn decodeBase64(allocator: std.mem.Allocator, text: []const u8) ![]const u8 {
    const decoder = std.base64.standard.Decoder;
    const length = decoder.calcSizeForSlice(text) catch return error.NotBase64;
    const bytes = try allocator.alloc(u8, length);
    decoder.decode(bytes, text) catch return error.NotBase64;
    return bytes;
}

fn shrink(allocator: std.mem.Allocator, file: []const u8, width_wanted: usize) !Thumbnail {
    const decoder = try allocator.create(png.Decoder);
    try decoder.init(allocator, file);
    const width = @min(width_wanted, decoder.width); // never larger than the source
    const height = @max(1, (decoder.height * width + decoder.width / 2) / decoder.width);
    if (height > height_max) return error.ThumbnailTooHigh;

    var shrinker: resample.Shrinker =
        try .init(allocator, decoder.width, decoder.height, width, height);
    const row = try allocator.alloc(png.Pixel, decoder.width);
    for (0..decoder.height) |_| {
        try decoder.nextRow(row);
        shrinker.addRow(row);
    }
    const colour = chooseColour(decoder.colour, shrinker.pixels);
    const samples = try packSamples(allocator, shrinker.pixels, colour);
    return .{
        .file = try png.encode(allocator, samples, width, height, colour),
        .width = width,
        .height = height,
        .source_width = decoder.width,
        .source_height = decoder.height,
    };
}

/// The smallest kind of image that holds these pixels without loss.
fn chooseColour(source: png.Colour, pixels: []const png.Pixel) png.Colour {
    const was_grey = source == .grey or source == .grey_alpha;
    for (pixels) |pixel| {
        if (pixel[3] != 255) return if (was_grey) .grey_alpha else .rgba;
    }
    return if (was_grey) .grey else .rgb;
}

fn packSamples(
    allocator: std.mem.Allocator,
    pixels: []const png.Pixel,
    colour: png.Colour,
) ![]const u8 {
    const channels = colour.channels();
    const samples = try allocator.alloc(u8, pixels.len * channels);
    for (pixels, 0..) |pixel, i| {
        const to = samples[i * channels ..][0..channels];
        switch (colour) {
            .grey, .palette => to[0] = pixel[0],
            .grey_alpha => @memcpy(to, &[_]u8{ pixel[0], pixel[3] }),
            .rgb => @memcpy(to, pixel[0..3]),
            .rgba => @memcpy(to, &pixel),
        }
    }
    return samples;
}

fn respond(allocator: std.mem.Allocator, thumbnail: Thumbnail) ![]const u8 {
    var out: std.Io.Writer.Allocating = .init(allocator);
    const writer = &out.writer;
    try writer.writeAll("{\"png_base64\":\"");
    try std.base64.standard.Encoder.encodeWriter(writer, thumbnail.file);
    try writer.print("\",\"width\":{d},\"height\":{d}", .{ thumbnail.width, thumbnail.height });
    try writer.print(",\"source_width\":{d}", .{thumbnail.source_width});
    try writer.print(",\"source_height\":{d}}}\n", .{thumbnail.source_height});
    return out.written();
}
