"use strict";
const form = document.querySelector("form[data-challenge]");
const told = document.querySelector("[role=status]");
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const { challenge, rp, handle, person, known } = form.dataset;

const make = async () => {
  const publicKey = {
    challenge: bytes(challenge),
    rp: { id: rp, name: "Media Gateway" },
    user: { id: bytes(handle), name: person, displayName: person },
    pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
    excludeCredentials: known.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) })),
    authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
    attestation: "none",
    timeout: 300000,
  };
  const { response } = await navigator.credentials.create({ publicKey });
  return { client_data: response.clientDataJSON, attestation: response.attestationObject };
};

const show = async () => {
  const publicKey = { challenge: bytes(challenge), rpId: rp, userVerification: "required", timeout: 300000 };
  const { rawId, response } = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = response;
  return { credential: rawId, client_data: clientDataJSON, data: authenticatorData, signature, handle: userHandle };
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  told.textContent = "";
  try {
    const fields = await (handle ? make() : show());
    for (const [name, value] of Object.entries(fields)) form.elements[name].value = text(value);
    form.submit();
  } catch (error) {
    told.textContent = error.name === "InvalidStateError" ? "You have a passkey there already." : "That did not work. Try again.";
  }
});
if (!window.PublicKeyCredential) told.textContent = "This browser knows no passkeys.";
