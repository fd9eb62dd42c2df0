/** Sets of interfaces by number, so that a register can hold which a route uses. */
export class InterfaceSets {
  readonly members: (readonly number[])[] = [[]];
  private readonly known = new Map<string, number>();
  idOf(numbers: readonly number[]): number {
    const sorted = [...new Set(numbers)].sort((a, b) => a - b);
    const key = sorted.join();
    const id = this.known.get(key);
    if (id !== undefined) return id;
    this.known.set(key, this.members.length);
    this.members.push(sorted);
    return this.members.length - 1;
  }
}
