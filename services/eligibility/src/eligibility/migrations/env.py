from chassis.migrate import run_environment
from eligibility.tables import Base

run_environment(Base.metadata)
