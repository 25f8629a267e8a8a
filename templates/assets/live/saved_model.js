// The model's file in the browser's own storage, so that other pages need not read it again. All
// failures are ignored: the page then reads the file as if nothing were saved.

const DATABASE = "layerbook";
const STORE = "model";
const KEY = "file"; // one file: another model replaces it

const asPromise = (request) =>
	new Promise((resolve, reject) => {
		request.addEventListener("success", () => resolve(request.result));
		request.addEventListener("error", () => reject(request.error));
	});

async function openStore(mode) {
	const request = indexedDB.open(DATABASE, 1);
	request.onupgradeneeded = () => request.result.createObjectStore(STORE);
	const database = await asPromise(request);
	return database.transaction(STORE, mode).objectStore(STORE);
}

// The parts of the file that was saved under this digest, as blobs, or null. Whoever reads them
// checks their own digest.
export async function readSaved(sha256) {
	try {
		const saved = await asPromise((await openStore("readonly")).get(KEY));
		return saved?.sha256 === sha256 ? saved.parts : null;
	} catch {
		return null;
	}
}

export async function save(sha256, parts) {
	try {
		await asPromise((await openStore("readwrite")).put({ sha256, parts }, KEY));
	} catch {
		// No storage, or no room in it.
	}
}

export async function forgetSaved() {
	try {
		await asPromise((await openStore("readwrite")).delete(KEY));
	} catch {
		// Then it will be found damaged again.
	}
}
