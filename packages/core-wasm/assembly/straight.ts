// Programs that only set and move: `exec` of `ct`.
import { S } from "./base";
import { OP_MOVE, OP_MOVE_WIDE, OP_SET, OP_SETS, S_SCRATCH0 } from "./layout";
import { carryAll, readValue, setWords } from "./pieces";

/** Runs the code at `pc` on `row` until its end. */
export function straight(pc: usize, row: usize): void {
  while (true) {
    const op = load<u32>(pc);
    if (op == OP_SET) {
      const w = row + load<u32>(pc, 4);
      store<u32>(w, (load<u32>(w) & load<u32>(pc, 8)) | load<u32>(pc, 12));
      pc += 16;
    } else if (op == OP_SETS) pc = setWords(pc, row);
    else if (op == OP_MOVE) pc = carryAll(pc + 4, row, row);
    else if (op == OP_MOVE_WIDE) {
      pc = carryAll(readValue(pc + 4, row, S + S_SCRATCH0), S + S_SCRATCH0, row);
    } else return;
  }
}
