//! The spell: labelled values on stdin, a drawing and a table below /artifacts, what it did on stdout.

const std = @import("std");
const drawing = @import("drawing.zig");
const folder = @import("folder.zig");
const wasi = @import("wasi.zig");

const input_bytes_max = 256 * 1024;

const Request = struct {
    title: []const u8,
    bars: []const drawing.Bar,
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
        error.InputTooLong, error.OutOfMemory => .{ .too_large, "The input is too long." },
        error.ReadFailed => .{ .io, "The input could not be read." },
        error.WriteFailed => .{ .io, "The output could not be written." },
        else => .{ .bad_input, "The input is not JSON with a title and bars." },
    };
}

fn run(allocator: std.mem.Allocator) !void {
    const input = try wasi.readInput(allocator, input_bytes_max);
    const request = try std.json.parseFromSliceLeaky(Request, allocator, input, .{});
    if (request.bars.len == 0) return error.MissingField;
    var out: std.Io.Writer.Allocating = .init(allocator);
    drawing.draw(&out.writer, request.title, request.bars) catch return error.OutOfMemory;
    try folder.writeFile("chart.svg", out.written());
    out.clearRetainingCapacity();
    drawing.tabulate(&out.writer, request.bars) catch return error.OutOfMemory;
    try folder.makeFolder("data");
    try folder.writeFile("data/bars.csv", out.written());
    out.clearRetainingCapacity();
    out.writer.print(
        "{{\"bars\":{d},\"largest\":{d},\"files\":[\"chart.svg\",\"data/bars.csv\"]}}\n",
        .{ request.bars.len, drawing.largest(request.bars) },
    ) catch return error.OutOfMemory;
    try wasi.writeOutput(out.written());
}
