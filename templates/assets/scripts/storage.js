// localStorage, which some browsers refuse to pages opened from disk: then nothing is remembered.

export function readStorage(key) {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

export function writeStorage(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch {
		// The choice holds for this page only.
	}
}
