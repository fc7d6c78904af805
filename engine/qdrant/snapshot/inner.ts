import type { ByteCursor } from '../../archive/cursor';
import type { Findings } from './findings';
import { TarDamage, type TarMember, walkTar } from '../../tar';

export interface InnerTar {
	member: TarMember;
	cursor: ByteCursor;
	where: string;
	findings: Findings;
	endMarkOptional: boolean;
}

/**
 * Walks a tar that is a member of another one. What is wrong with it becomes a finding, and the outer walk goes on behind
 * it. False where it could not be walked to its end.
 */
export async function walkInner(
	{ member, cursor, where, findings, endMarkOptional }: InnerTar,
	visit: (inner: TarMember, name: string) => Promise<void>,
): Promise<boolean> {
	if (member.size !== member.storedSize) {
		findings.error(where, 'It is a tar, but parts of it are stored as holes.');
		return false;
	}
	try {
		const options = { end: member.end, endMarkOptional };
		await walkTar(cursor, async (inner) => await visit(inner, inner.name), options);
		return true;
	} catch (error) {
		if (!(error instanceof TarDamage)) throw error;
		findings.error(where, `It ${error.message} (at byte ${error.offset} of the file).`);
		return false;
	}
}
