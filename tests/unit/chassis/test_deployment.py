"""The file that says where a deployment is: written with its meanings, read back the same, and wrong ones named without their values."""

from __future__ import annotations

from pathlib import Path

import pytest
from chassis.deployment import Deployment, DeploymentFileError, SecretFile, Temporal


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "housing.url").write_text("postgresql://reader@db/housing\n")
    deployment = Deployment(
        temporal=Temporal(address="temporal:7233", namespace="anju"),
        databases={"casework": "postgresql://reader@db/casework", "housing": SecretFile(file=tmp_path / "housing.url")},
        web_url="https://房.example",
        keys_dir=tmp_path / "keys",
    )
    file = tmp_path / "city.yaml"
    file.write_text(deployment.text(), encoding="utf-8")
    read = Deployment.read(file)
    assert read == deployment
    assert read.database_url("housing") == "postgresql://reader@db/housing"
    assert read.database_url("payments") == ""


def test_every_field_is_explained() -> None:
    text = Deployment().text()
    for section in (Deployment, Temporal):
        for name, field in section.model_fields.items():
            assert field.description, name
            assert f"# {field.description}\n" in text


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_text("keys_dir: keys\ndatabases: {housing: {file: secrets/housing}}\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/housing").write_text("postgresql://x")
    read = Deployment.read(file)
    assert read.keys_dir == tmp_path / "keys"
    assert read.database_url("housing") == "postgresql://x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("databases: [geheim]", "databases"),
        ("databases: {housing: {path: geheim}}", "databases.housing"),
        ("password: geheim", "password"),
        ("temporal: {adress: geheim}", "temporal.adress"),
        ("{: geheim", "no YAML"),
        ("databases: {housing: {file: /no/such}}", ""),
    ],
)
def test_a_wrong_file_is_named_without_its_values(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(text)
    with pytest.raises(DeploymentFileError) as refused:
        Deployment.read(file).database_url("housing")
    assert said in str(refused.value)
    assert "geheim" not in str(refused.value)
