/** Programs that the documentation calls and that are not here: scripts of the same names note how they were called. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StandIns {
	/** The environment in which they are found before all others. */
	env: Record<string, string>;
	/** How they were called, in order: the program and its arguments. */
	calls(): string[][];
}

/** @param scripts in bash, by the name of the program */
export function standIns(folder: string, scripts: Record<string, string>): StandIns {
	const bin = join(folder, 'bin');
	const log = join(folder, 'calls');
	mkdirSync(bin);
	writeFileSync(log, '');
	for (const [name, script] of Object.entries(scripts)) {
		const note = `printf '%s\\x1f' ${name} "$@" >>'${log}'; echo >>'${log}'`;
		writeFileSync(join(bin, name), `#!/bin/bash\nset -euo pipefail\n${note}\n${script}\n`);
		chmodSync(join(bin, name), 0o755);
	}
	return {
		env: { PATH: `${bin}:${process.env['PATH']}` },
		calls: () =>
			readFileSync(log, 'utf8')
				.split('\n')
				.filter((line) => line !== '')
				.map((line) => line.split('\x1f').slice(0, -1)),
	};
}
