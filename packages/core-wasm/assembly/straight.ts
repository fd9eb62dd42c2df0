// Programs that only set and move: `exec` of `ct`.
import { S } from "./base";
import { OP_MOVE, OP_MOVE_WIDE, OP_SET, PIECE_BYTES, S_SCRATCH0 } from "./layout";
import { carry, carryAll, readValue } from "./pieces";

/** Runs the code at `pc` on `row` until its end. */
export function straight(pc: usize, row: usize): void {
  while (true) {
    const op = load<u32>(pc);
    if (op == OP_SET) {
      const w = row + load<u32>(pc, 4);
      store<u32>(w, (load<u32>(w) & load<u32>(pc, 8)) | load<u32>(pc, 12));
      pc += 16;
    } else if (op == OP_MOVE) {
      carry(pc + 4, row, row);
      pc += 4 + PIECE_BYTES;
    } else if (op == OP_MOVE_WIDE) {
      pc = carryAll(readValue(pc + 4, row, S + S_SCRATCH0), S + S_SCRATCH0, row);
    } else return;
  }
}
