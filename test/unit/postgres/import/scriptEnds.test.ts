import { describe, expect, it } from 'vitest';

import { ScriptEnds } from '../../../../engine/postgres/import/scriptEnds';

const HEAD = ' PostgreSQL database dump';
const CLUSTER = ' PostgreSQL database cluster dump';

function endsOf(...comments: string[]): { complete: boolean; ofCluster: boolean } {
	const ends = new ScriptEnds();
	for (const comment of comments) ends.note(comment);
	return { complete: ends.complete, ofCluster: ends.ofCluster };
}

describe('the ends of a script', () => {
	it.each<[string, string[], boolean]>([
		['a script of people', ['', ' whatever'], true],
		['a dump', ['', HEAD, '', ' Name: t', `${HEAD} complete`], true],
		['a dump without its foot', [HEAD, ' Name: t'], false],
		['a foot that was cut', [HEAD, `${HEAD} comp`], false],
		['two dumps', [HEAD, `${HEAD} complete`, HEAD, `${HEAD} complete`], true],
		['two dumps, the second one cut', [HEAD, `${HEAD} complete`, HEAD], false],
		['a dump of a server', [CLUSTER, HEAD, `${HEAD} complete`, `${CLUSTER} complete`], true],
		['a dump of a server, cut behind a database', [CLUSTER, HEAD, `${HEAD} complete`], false],
		['a dump of a server, cut in a database', [CLUSTER, HEAD], false],
		['words that go on', [`${HEAD} of yesterday`], true],
		['the end of another one', [`${HEAD} complete`, HEAD], false],
	])('tell whether %s is complete', (_, comments, complete) => {
		expect(endsOf(...comments)).toEqual({ complete, ofCluster: comments.includes(CLUSTER) });
	});
});
