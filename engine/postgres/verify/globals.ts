import type { Manifest } from '../../archive';
import type { CheckContext } from '../../verify/types';
import { ScriptFacts } from './script';

/** The script of a server's globals: whole from head to foot, with the roles and tablespaces that the manifest counts. */
export async function checkGlobals(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	{ signal, found }: CheckContext,
): Promise<Record<string, number>> {
	const facts = new ScriptFacts();
	await facts.read(raw, signal);
	facts.assertWhole('cluster');
	const { roles, tablespaces, statements } = facts;
	for (const [what, count] of Object.entries({ roles, tablespaces })) {
		const promised = manifest.counts[what] ?? 0;
		if (count !== promised) {
			found({ severity: 'error', message: `The script creates ${count} ${what}; the manifest counts ${promised}.` });
		}
	}
	return { statements, roles, tablespaces };
}
