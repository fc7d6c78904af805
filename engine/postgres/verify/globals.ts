import type { Manifest } from '../../archive';
import type { CheckContext } from '../../verify/types';
import { MAX_GLOBAL_BYTES } from '../globals/read';
import { readStatement } from '../globals/statement';
import { objectName } from '../statements/naming';
import { ScriptFacts } from './script';

/**
 * Checks the script of a server's globals: it is complete from its first to its closing line, creates the roles and tablespaces
 * that the manifest counts, and holds nothing else. @returns `{ statements, roles, tablespaces }`
 */
export async function checkGlobals(
	raw: AsyncIterable<Uint8Array>,
	manifest: Manifest,
	{ signal, found }: CheckContext,
): Promise<Record<string, number>> {
	const facts = new ScriptFacts(MAX_GLOBAL_BYTES);
	await facts.read(raw, signal, (item) => {
		const text = item.type === 'statement' ? item.text : item.type === 'copy' ? item.statement : `\\${item.command}`;
		if (item.type === 'statement' && readStatement(text, facts.standardStrings).type !== 'unknown') return;
		const message = `The script holds a statement that is not about roles and tablespaces: ${objectName('', text)}`;
		found({ severity: 'error', message, hint: 'Do not rely on it. Make a new backup.' });
	});
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
