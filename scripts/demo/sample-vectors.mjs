import { ask, at, dense, fill } from '../../test/services/qdrant-data.ts';

export const COLLECTION = 'articles';
/** What clients use. */
export const ALIAS = 'search';

const LANGUAGES = ['de', 'en', 'fr'];

/** Creates a collection as search over texts has it: vectors, a payload with an index, and an alias. */
export async function createArticles(qdrant) {
	await ask(qdrant, 'PUT', at(COLLECTION), { vectors: { size: 64, distance: 'Cosine' } });
	await ask(qdrant, 'PUT', at(COLLECTION, '/index?wait=true'), { field_name: 'language', field_schema: 'keyword' });
	const payload = (id) => ({ title: `Article ${id}`, language: LANGUAGES[id % LANGUAGES.length] });
	await fill(qdrant, COLLECTION, { vector: dense(64), payload }, { count: 3000 });
	await ask(qdrant, 'POST', '/collections/aliases', {
		actions: [{ create_alias: { alias_name: ALIAS, collection_name: COLLECTION } }],
	});
}

/** The collection that the alias leads to: a safe swap puts another one behind it. */
export async function liveCollection(qdrant) {
	const { aliases } = await ask(qdrant, 'GET', '/aliases');
	return aliases.find(({ alias_name: name }) => name === ALIAS).collection_name;
}
